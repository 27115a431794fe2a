// The tenant's people: add, change, invite, remove.
import { useState } from "preact/hooks";
import { moment } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import type { User } from "../common/api";
import { confirm, Dialog } from "../common/dialog";
import { ErrorNote, toast } from "../common/note";
import { me } from "../common/session";
import { FormError, Select, ShownOnce, Text, wrongWith } from "./form";
import { More, Panel, send, useAction, useList } from "./load";
import { sorting } from "./place";

const ROLES = [
  ["member", "Member"],
  ["admin", "Administrator"],
] as const;

export const userPath = (id: string) => `/api/admin/users/${encodeURIComponent(id)}`;

type Open = { what: "add" } | { what: "change" | "invite"; user: User };

export function People() {
  const list = useList<User>("/api/admin/users", "users");
  const [open, setOpen] = useState<Open | null>(null);
  const removing = useAction();
  const done = (said: string) => {
    setOpen(null);
    toast(said);
    list.reload();
  };
  const remove = async (user: User) => {
    removing.clear();
    const yes = await confirm({
      title: `Remove ${user.display_name || user.user_id}?`,
      text: "This also removes the person’s keys, sessions and conversations. It cannot be undone.",
      action: "Remove",
      typed: user.user_id,
    });
    if (!yes) return;
    await removing.run(async () => {
      await send("DELETE", userPath(user.user_id));
      done(`${user.display_name || user.user_id} was removed`);
    });
  };
  const columns: Column<User>[] = [
    { id: "name", label: "Name", value: (user) => user.display_name || user.user_id, show: (user) => <Who user={user} /> },
    { id: "email", label: "E-mail", value: (user) => user.email },
    { id: "id", label: "User id", value: (user) => user.user_id },
    { id: "role", label: "Role", value: (user) => user.role, show: (user) => <span class={user.role === "admin" ? "tag" : "tag plain"}>{user.role}</span> },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (user) => (
        <>
          <button type="button" class="btn small" aria-label={`Invite ${user.display_name}`} onClick={() => setOpen({ what: "invite", user })}>
            Invite
          </button>
          <button type="button" class="btn small" aria-label={`Change ${user.display_name}`} onClick={() => setOpen({ what: "change", user })}>
            Change
          </button>
          <button type="button" class="btn small danger" aria-label={`Remove ${user.display_name}`} disabled={removing.busy} onClick={() => void remove(user)}>
            Remove
          </button>
        </>
      ),
    },
  ];
  const tools = (
    <>
      <SaveAsCsv file="t3nets-people.csv" columns={columns} rows={list.items} />
      <button type="button" class="btn small p" onClick={() => setOpen({ what: "add" })}>
        Add a person
      </button>
    </>
  );
  return (
    <>
      <Panel title="People" load={list} tools={tools} lines={5}>
        {() => (
          <>
            {removing.error !== null && <ErrorNote error={removing.error} />}
            <SortedTable name="People" columns={columns} rows={list.items} keyOf={(user) => user.user_id} {...sorting("sort", columns, { column: "name", descending: false })} />
            <More list={list} />
          </>
        )}
      </Panel>
      {open?.what === "add" && <AddPerson onClose={() => setOpen(null)} onDone={done} onInvite={(user) => (list.reload(), setOpen({ what: "invite", user }))} />}
      {open?.what === "change" && <ChangePerson user={open.user} onClose={() => setOpen(null)} onDone={done} />}
      {open?.what === "invite" && <Invite user={open.user} onClose={() => setOpen(null)} />}
    </>
  );
}

function Who({ user }: { user: User }) {
  return (
    <>
      {user.display_name || user.user_id}
      {me.value?.user?.user_id === user.user_id && <span class="tag plain beside">you</span>}
    </>
  );
}

function AddPerson({ onClose, onDone, onInvite }: { onClose: () => void; onDone: (said: string) => void; onInvite: (user: User) => void }) {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<User["role"]>("member");
  const action = useAction();
  const add = (invite: boolean) =>
    action.run(async () => {
      const user = await send<User>("POST", "/api/admin/users", { email: email.trim(), role, ...(name.trim() && { display_name: name.trim() }) });
      if (invite) onInvite(user);
      else onDone(`${user.display_name} was added`);
    });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void add((event.submitter as HTMLButtonElement | null)?.value === "invite");
  };
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <form onSubmit={submit}>
        <Text label="E-mail" type="email" value={email} onInput={setEmail} required hint="As in Jira, so that “what am I working on” finds their issues." wrong={wrongWith(action.error, "email")} />
        <Text label="Name" value={name} onInput={setName} hint="If empty, the address up to the @." wrong={wrongWith(action.error, "display_name")} />
        <Select label="Role" value={role} options={ROLES} onChange={setRole} hint="Administrators see this page and change everything on it." />
        <FormError error={action.error} fields={["email", "display_name"]} />
        <div class="buttons">
          <button type="submit" class="btn p" value="invite" disabled={action.busy || !email.trim()}>
            Add and invite
          </button>
          <button type="submit" class="btn" value="add" disabled={action.busy || !email.trim()}>
            Add
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ChangePerson({ user, onClose, onDone }: { user: User; onClose: () => void; onDone: (said: string) => void }) {
  const [email, setEmail] = useState(user.email);
  const [name, setName] = useState(user.display_name);
  const [role, setRole] = useState(user.role);
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      const edits = { ...(email.trim() !== user.email && { email: email.trim() }), ...(name.trim() !== user.display_name && { display_name: name.trim() }), ...(role !== user.role && { role }) };
      const { changed } = await send<{ changed: string[] }>("PATCH", userPath(user.user_id), edits);
      onDone(changed.length === 0 ? "Nothing to change" : `${name.trim()} was changed`);
    });
  };
  return (
    <Dialog title={`Change ${user.display_name || user.user_id}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Text label="Name" value={name} onInput={setName} wrong={wrongWith(action.error, "display_name")} />
        <Text label="E-mail" type="email" value={email} onInput={setEmail} wrong={wrongWith(action.error, "email")} />
        <Select label="Role" value={role} options={ROLES} onChange={setRole} wrong={wrongWith(action.error, "role")} />
        <FormError error={action.error} fields={["email", "display_name", "role"]} />
        <div class="buttons">
          <button type="submit" class="btn p" disabled={action.busy}>
            Save
          </button>
          <button type="button" class="btn" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Invitation {
  link_token: string;
  expires_at: string;
}

export const linkOf = (token: string) => `${location.origin}/#link=${token}`;

const LIVES = [
  ["3600", "1 hour"],
  ["86400", "1 day"],
  ["604800", "7 days"],
] as const;

export function Invite({ user, onClose }: { user: User; onClose: () => void }) {
  const [life, setLife] = useState<(typeof LIVES)[number][0]>("604800");
  const [made, setMade] = useState<Invitation>();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => setMade(await send<Invitation>("POST", `${userPath(user.user_id)}/invite`, { expires_in_seconds: Number(life) })));
  };
  const name = user.display_name || user.user_id;
  return (
    <Dialog title={`Invite ${name}`} onClose={onClose}>
      {made ? (
        <>
          <ShownOnce label="Sign-in link" value={linkOf(made.link_token)}>
            Send it to {name} alone. It signs in whoever opens it first, works once, until {moment(made.expires_at)}, and is not shown again.
          </ShownOnce>
          <div class="buttons">
            <button type="button" class="btn p" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={submit}>
          <p class="says">A link that signs {name} in, once, without a password or a key.</p>
          <Select label="It works for" value={life} options={LIVES} onChange={setLife} />
          <FormError error={action.error} fields={[]} />
          <div class="buttons">
            <button type="submit" class="btn p" disabled={action.busy}>
              {action.busy ? "Making it…" : "Make the link"}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
