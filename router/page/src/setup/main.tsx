import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Integration, isSample } from "../dashboard/integrations";
import { Waiting, useLoad } from "../dashboard/load";
import type { TenantSettings } from "../dashboard/settings";
import { draw } from "../common/drawing";
import { ErrorNote, Note } from "../common/note";
import { SignInButton, absent, loadMe, me } from "../common/session";
import { Shell } from "../common/shell";
import { Icon } from "../common/icons";
import { ConnectJira } from "./jira";
import { STEPS, type Step, asked, goTo } from "./memory";
import { InvitePeople, Question, Team } from "./steps";

const TITLES: Record<Step, string> = { team: "Your team", jira: "Connect Jira", question: "First question", people: "Invite people" };
const SAYS: Record<Step, string> = {
  team: "Four steps, a few minutes. Each is checked as you go, and you can skip any of them for now.",
  jira: "T3nets reads your board; it changes nothing in Jira. Only your team sees its answers.",
  question: "Ask something you know the answer to.",
  people: "Each gets a link that signs them in once, without a password or a key.",
};

function Steps() {
  const settings = useLoad<TenantSettings>("/api/settings");
  const integrations = useLoad<{ integrations: Integration[] }>("/api/admin/integrations");
  // What was done on an earlier day, for the ticks alone: set-up goes on without.
  const chats = useLoad<{ sessions: unknown[] }>("/api/sessions?limit=1");
  const people = useLoad<{ users: unknown[] }>("/api/admin/users?limit=2");
  const [hasAsked, setAsked] = useState(false);
  const [hasInvited, setInvited] = useState(false);
  const failed = settings.error ?? integrations.error;
  if (settings.value === undefined || integrations.value === undefined) {
    if (!failed) return <Waiting lines={6} />;
    const again = () => (settings.reload(), integrations.reload());
    return <ErrorNote error={failed} onAgain={again} />;
  }
  const jira = integrations.value.integrations.find((of) => of.name === "jira");
  const hasJira = jira?.connected ?? false;
  const step = asked.value ?? (hasJira ? "question" : "team");
  const at = STEPS.indexOf(step);
  const next = () => {
    settings.reload();
    goTo(STEPS[at + 1]!);
  };
  const isDone = (of: Step) => {
    if (of === "jira") return hasJira && of !== step;
    if (of === "question") return hasAsked || (chats.value?.sessions.length ?? 0) > 0;
    if (of === "people") return hasInvited || (people.value?.users.length ?? 0) > 1;
    return STEPS.indexOf(of) < at;
  };
  const saved = (stored: Integration) => {
    integrations.put({ integrations: integrations.value!.integrations.map((of) => (of.name === stored.name ? stored : of)) });
    next();
  };
  return (
    <div class="steps">
      <ol aria-label="Steps">
        {STEPS.map((of, index) => (
          <li key={of} class={isDone(of) ? "done" : undefined} aria-current={of === step ? "step" : undefined}>
            <button type="button" onClick={() => goTo(of)}>
              <b>{isDone(of) ? <Icon name="check" weight={2.6} /> : index + 1}</b>
              <span>{TITLES[of]}</span>
              {isDone(of) && <span class="hidden">done</span>}
            </button>
          </li>
        ))}
      </ol>
      <section class="form" aria-labelledby="step">
        <h2 id="step" tabIndex={-1}>
          {TITLES[step]}
        </h2>
        <p class="lead">{SAYS[step]}</p>
        {step === "team" && <Team settings={settings.value} onDone={next} />}
        {step === "jira" && <ConnectJira key={jira?.updated_at} stored={jira} isSample={isSample(jira)} onSaved={saved} onSkip={next} />}
        {step === "question" && <Question hasJira={hasJira} onAnswer={() => setAsked(true)} onDone={next} />}
        {step === "people" && <InvitePeople onInvited={() => setInvited(true)} />}
      </section>
    </div>
  );
}

function Content(): JSX.Element | null {
  const who = me.value;
  if (!who) return absent.value === "loading" ? <Waiting lines={4} /> : null;
  if (who.may_administer) return <Steps />;
  if (!who.user) {
    return (
      <Note kind="info" actions={<SignInButton />}>
        Only administrators can set up the team. Sign in as one.
      </Note>
    );
  }
  return <Note kind="info" actions={<a href="/">To the chat</a>}>{who.role === "admin" ? "Administration on this page is off in this environment: the operator administers it from the command line." : "Only administrators can set up the team. Ask one of yours."}</Note>;
}

function Setup() {
  useEffect(() => void loadMe(), []);
  return (
    <Shell page="setup" title="Set up">
      <div class="sheet">
        <div class="page setup">
          <Content />
        </div>
      </div>
    </Shell>
  );
}

draw(<Setup />);
