// The other steps: the team, a first question, inviting people.
import { useEffect, useState } from "preact/hooks";
import { ActionForm, FormError, Select, ShownOnce, Text, wrongWith } from "../dashboard/form";
import { send } from "../dashboard/load";
import { linkOf, userPath } from "../dashboard/people";
import type { TenantSettings } from "../dashboard/settings";
import { isEmail } from "./board";
import { moment } from "../figures/days";
import { duration } from "../figures/numbers";
import { useAction } from "../common/action";
import type { User } from "../common/api";
import { confirm } from "../common/dialog";
import { Note, sentence } from "../common/note";
import { loadMe } from "../common/session";
import { Markdown, loadMarkdown, markdownReady } from "../common/shell";

export function Team({ settings, onDone }: { settings: TenantSettings; onDone: () => void }) {
  const [name, setName] = useState(settings.name);
  const action = useAction();
  const save = () =>
    action.run(async () => {
      if (name.trim() !== settings.name) {
        await send("PUT", "/api/settings", { name: name.trim() });
        await loadMe();
      }
      onDone();
    });
  const { model } = settings;
  const chosen = settings.settings?.find((of) => of.name === "ai_provider")?.value;
  const addModel = `/dashboard?view=integrations&card=${chosen === "openai" ? "openai" : "anthropic"}`;
  return (
    <ActionForm action={action} onSubmit={save} fields={["name"]} says="Continue" isReady={name.trim() !== ""} noValidate>
      <Text label="Name of the team" value={name} onInput={setName} hint="Everyone sees it at the top of the page." wrong={wrongWith(action.error, "name") ?? (name.trim() === "" ? "A team needs a name." : undefined)} />
      <p class="asked">Who answers</p>
      {model.problem ? (
        <Note kind="bad" actions={<a href={addModel}>Add the key</a>}>
          No model answers yet: {sentence(model.problem)}
        </Note>
      ) : model.provider === "offline" ? (
        <p class="hint">
          No model is set up, so answers are made by templates. <a href={addModel}>Add a model</a>
        </p>
      ) : (
        <p class="hint ok">
          ✓ {model.name} by {model.provider}
        </p>
      )}
    </ActionForm>
  );
}

interface Answer {
  text: string;
  session_id: string;
  model: string | null;
  timing_ms: number;
}

const ASKS = ["How is the sprint going?", "What is blocked?", "What am I working on?"];

export function Question({ hasJira, onAnswer, onDone }: { hasJira: boolean; onAnswer: () => void; onDone: () => void }) {
  const [text, setText] = useState(hasJira ? ASKS[0]! : "ping");
  const [answer, setAnswer] = useState<Answer>();
  const action = useAction();
  useEffect(loadMarkdown, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    void action.run(async () => {
      setAnswer(undefined);
      const given = await send<Answer>("POST", "/api/chat", { message: text.trim() });
      await markdownReady();
      setAnswer(given);
      onAnswer();
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Text label="Question" value={text} onInput={setText} />
      <div class="asks-of-it" role="group" aria-label="Questions to try">
        {(hasJira ? ASKS : ["ping", "hello"]).map((ask) => (
          <button key={ask} type="button" class="chip" onClick={() => setText(ask)}>
            {ask}
          </button>
        ))}
      </div>
      <div role="status">
        {action.busy && <p class="hint">Answering…</p>}
        {answer && (
          <div class="first-answer">
            <Markdown text={answer.text} />
            <p class="hint">
              {answer.model ? `${answer.model} · ` : ""}
              {duration(answer.timing_ms)} · <a href={`/c/${encodeURIComponent(answer.session_id)}`}>continue in the chat</a>
            </p>
          </div>
        )}
      </div>
      <FormError error={action.error} fields={[]} />
      <div class="buttons">
        <button type="submit" class={answer ? "btn" : "btn p"} disabled={action.busy || !text.trim()}>
          {action.busy ? "Answering…" : "Ask"}
        </button>
        <button type="button" class={answer ? "btn p" : "btn quiet"} onClick={onDone}>
          {answer ? "Continue" : "Skip for now"}
        </button>
      </div>
    </form>
  );
}

interface Invited {
  user: User;
  link: string;
  expires_at: string;
}

export function InvitePeople({ onInvited }: { onInvited: () => void }) {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<User["role"]>("member");
  const [invited, setInvited] = useState<Invited[]>([]);
  const [left, setLeft] = useState(false);
  const [copied, setCopied] = useState<string[]>([]);
  const isCopied = invited.length > 0 && invited.every(({ link }) => copied.includes(link));
  const problem = email.trim() === "" || isEmail(email) ? undefined : "This is not an e-mail address.";
  // Somebody who was added but not invited, since the second call failed: the next try invites them alone.
  const [added, setAdded] = useState<User>();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    setLeft(true);
    if (problem) return;
    void action.run(async () => {
      const isAdded = added !== undefined && added.email === email.trim();
      const user = isAdded ? added : await send<User>("POST", "/api/admin/users", { email: email.trim(), role, ...(name.trim() && { display_name: name.trim() }) });
      setAdded(user);
      const made = await send<{ link_token: string; expires_at: string }>("POST", `${userPath(user.user_id)}/invite`, {});
      setInvited((before) => [{ user, link: linkOf(made.link_token), expires_at: made.expires_at }, ...before]);
      onInvited();
      setEmail("");
      setLeft(false);
      setName("");
      setRole("member");
    });
  };
  const leave = async (event: Event) => {
    if (invited.length === 0 || isCopied) return;
    event.preventDefault();
    if (await confirm({ title: "Leave without copying?", text: "A link that was not copied is not shown again.", action: "Leave" })) location.assign("/");
  };
  return (
    <form onSubmit={submit} noValidate>
      <Text label="E-mail" type="email" value={email} onInput={setEmail} placeholder="mei@acme.example" hint="As in Jira, so that “what am I working on” finds their issues." onLeave={() => setLeft(true)} wrong={(left && problem) || wrongWith(action.error, "email")} />
      <Text label="Name" value={name} onInput={setName} placeholder="Mei Tanaka" wrong={wrongWith(action.error, "display_name")} />
      <Select label="Role" value={role} options={[["member", "Member"], ["admin", "Administrator"]]} onChange={setRole} />
      <FormError error={action.error} fields={["email", "display_name"]} />
      <div class="buttons">
        <button type="submit" class={invited.length > 0 ? "btn" : "btn p"} disabled={action.busy || !email.trim()}>
          {action.busy ? "Creating…" : "Create a sign-in link"}
        </button>
        <a class={isCopied ? "btn p" : "btn quiet"} href="/" onClick={(event) => void leave(event)}>
          {invited.length > 0 ? "Done" : "Skip for now"}
        </a>
      </div>
      {invited.map(({ user, link, expires_at }) => (
        <div class="invited" key={link}>
          <ShownOnce label={`Link for ${user.display_name}`} value={link} onCopied={() => setCopied((before) => [...before, link])}>
            Send it to {user.display_name} alone. It signs in whoever opens it first, works once, until {moment(expires_at)}, and is not shown again.
          </ShownOnce>
        </div>
      ))}
    </form>
  );
}
