// The other steps: the team, a first question, inviting people.
import { useState } from "preact/hooks";
import { Select, ShownOnce, Text, FormError, wrongWith } from "../dashboard/form";
import { send, useAction } from "../dashboard/load";
import { linkOf, userPath } from "../dashboard/people";
import type { TenantSettings } from "../dashboard/settings";
import { moment } from "../figures/days";
import { duration } from "../figures/numbers";
import type { User } from "../common/api";
import { Note, sentence } from "../common/note";
import { loadMe } from "../common/session";

export function Team({ settings, onDone }: { settings: TenantSettings; onDone: () => void }) {
  const [name, setName] = useState(settings.name);
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      if (name.trim() !== settings.name) {
        await send("PUT", "/api/settings", { name: name.trim() });
        await loadMe();
      }
      onDone();
    });
  };
  const { model } = settings;
  return (
    <form onSubmit={submit} noValidate>
      <Text label="Name of the team" value={name} onInput={setName} hint="Everyone sees it at the top of the page." wrong={wrongWith(action.error, "name") ?? (name.trim() === "" ? "A team needs a name." : undefined)} />
      <p class="asked">Who answers</p>
      {model.problem ? (
        <Note kind="bad" actions={<a href="/dashboard?view=settings">Settings</a>}>
          No model answers yet: {sentence(model.problem)}
        </Note>
      ) : (
        <p class="hint ok">
          ✓ {model.name}
          {model.provider === "offline" ? ": no model is set up, so answers are made by templates" : ` by ${model.provider}`}
        </p>
      )}
      <FormError error={action.error} fields={["name"]} />
      <div class="buttons">
        <button type="submit" class="btn p" disabled={action.busy || name.trim() === ""}>
          Go on
        </button>
      </div>
    </form>
  );
}

interface Answer {
  text: string;
  session_id: string;
  model: string | null;
  timing_ms: number;
}

const ASKS = ["How is the sprint going?", "What is blocked?", "What am I working on?"];

export function Question({ hasJira, onDone }: { hasJira: boolean; onDone: () => void }) {
  const [text, setText] = useState(hasJira ? ASKS[0]! : "ping");
  const [answer, setAnswer] = useState<Answer>();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    void action.run(async () => {
      setAnswer(undefined);
      setAnswer(await send<Answer>("POST", "/api/chat", { message: text.trim() }));
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
            <p>{answer.text}</p>
            <p class="hint">
              {answer.model ? `${answer.model} · ` : ""}
              {duration(answer.timing_ms)} · <a href={`/c/${encodeURIComponent(answer.session_id)}`}>go on in the chat</a>
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
          {answer ? "Go on" : "Skip for now"}
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

export function InvitePeople() {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<User["role"]>("member");
  const [invited, setInvited] = useState<Invited[]>([]);
  // Somebody who was added but not invited, since the second call failed: the next try invites them alone.
  const [added, setAdded] = useState<User>();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      const isAdded = added !== undefined && added.email === email.trim();
      const user = isAdded ? added : await send<User>("POST", "/api/admin/users", { email: email.trim(), role, ...(name.trim() && { display_name: name.trim() }) });
      setAdded(user);
      const made = await send<{ link_token: string; expires_at: string }>("POST", `${userPath(user.user_id)}/invite`, {});
      setInvited((before) => [{ user, link: linkOf(made.link_token), expires_at: made.expires_at }, ...before]);
      setEmail("");
      setName("");
      setRole("member");
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Text label="E-mail" type="email" value={email} onInput={setEmail} placeholder="mei@acme.example" hint="As in Jira, so that “what am I working on” finds their issues." wrong={wrongWith(action.error, "email")} />
      <Text label="Name" value={name} onInput={setName} placeholder="Mei Tanaka" wrong={wrongWith(action.error, "display_name")} />
      <Select label="Role" value={role} options={[["member", "Member"], ["admin", "Administrator"]]} onChange={setRole} />
      <FormError error={action.error} fields={["email", "display_name"]} />
      <div class="buttons">
        <button type="submit" class={invited.length > 0 ? "btn" : "btn p"} disabled={action.busy || !email.trim()}>
          {action.busy ? "Making the link…" : "Make a sign-in link"}
        </button>
        <a class={invited.length > 0 ? "btn p" : "btn quiet"} href="/">
          {invited.length > 0 ? "Done: go to the chat" : "To the chat"}
        </a>
      </div>
      {invited.map(({ user, link, expires_at }) => (
        <div class="invited" key={link}>
          <ShownOnce label={`Link for ${user.display_name}`} value={link}>
            Send it to {user.display_name} alone. It signs in whoever opens it first, works once, until {moment(expires_at)}, and is not shown again.
          </ShownOnce>
        </div>
      ))}
    </form>
  );
}
