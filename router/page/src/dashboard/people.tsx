// The tenant's people: add, change, invite, remove.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { moment } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { useAction } from "../common/action";
import type { User as OfApi } from "../common/api";
import { confirm, Dialog, Done } from "../common/dialog";
import { toast } from "../common/note";
import { me } from "../common/session";
import { ActionForm, Filter, Select, ShownOnce, Text, matches, wrongWith } from "./form";
import { More, Panel, send, useList } from "./load";
import { type Own, OwnBudgets, ToldBudgets, textOf, useToldOf } from "./own-budgets";
import { sorting } from "./place";

const ROLES = [
  ["member", "Member"],
  ["admin", "Administrator"],
] as const;

export const userPath = (id: string) => `/api/admin/users/${encodeURIComponent(id)}`;

type User = OfApi & { budgets?: Own };
type Open = { what: "add" } | { what: "change" | "invite" | "budgets"; user: User };
/** From so many on there is a box to search them. */
const MANY = 15;
const nameOf = (user: User) => user.display_name || user.user_id;

export function People() {
  const list = useList<User>("/api/admin/users", "users");
  const keys = useList<{ user_id: string; kind: string; state: string; expires_at: string | null }>("/api/admin/keys", "keys");
  const [open, setOpen] = useState<Open | null>(null);
  const [filter, setFilter] = useState("");
  const budgets = useToldOf("user");
  const toldOf = (user: User) => budgets.of(user.user_id, user.budgets);
  const done = (said: string) => {
    setOpen(null);
    toast(said);
    list.reload();
    keys.reload();
    budgets.reload();
  };
  const remove = (user: User) =>
    confirm({
      title: `Remove ${nameOf(user)}?`,
      text: "This also removes the person’s keys, sessions and conversations. It cannot be undone.",
      action: "Remove",
      typed: user.user_id,
      run: async () => {
        await send("DELETE", userPath(user.user_id));
        done(`${nameOf(user)} was removed`);
      },
    });
  const admins = list.items.filter((user) => user.role === "admin");
  const last = !list.hasMore && admins.length === 1 ? admins[0] : undefined;
  const isLast = (user: User) => user.user_id === last?.user_id;
  const invited = new Map(keys.items.filter((key) => key.kind === "link" && key.state === "active").map((key) => [key.user_id, key.expires_at]));
  const all: Column<User>[] = [
    { id: "name", label: "Name", value: nameOf, show: (user) => <Who user={user} until={invited.get(user.user_id)} budgets={<ToldBudgets all={toldOf(user)} />} /> },
    { id: "email", label: "E-mail", value: (user) => user.email },
    { id: "id", label: "User ID", value: (user) => user.user_id },
    { id: "role", label: "Role", value: (user) => user.role, show: (user) => <span class={user.role === "admin" ? "tag" : "tag plain"}>{user.role}</span> },
    { id: "budgets", label: "Budgets", value: (user) => textOf(toldOf(user)) },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (user) => (
        <>
          <button type="button" class="btn small" aria-label={`Invite ${nameOf(user)}`} onClick={() => setOpen({ what: "invite", user })}>
            Invite
          </button>
          <button type="button" class="btn small" aria-label={`Change ${nameOf(user)}`} onClick={() => setOpen({ what: "change", user })}>
            Change
          </button>
          <button type="button" class="btn small" aria-label={`Budgets of ${nameOf(user)}`} onClick={() => setOpen({ what: "budgets", user })}>
            Budgets
          </button>
          <button type="button" class="btn small danger" aria-label={`Remove ${nameOf(user)}`} disabled={isLast(user)} title={isLast(user) ? LAST : undefined} onClick={() => void remove(user)}>
            Remove
          </button>
        </>
      ),
    },
  ];
  // People are known by their address, unless the command line gave them another id.
  const isKnown = list.items.every((user) => user.user_id === user.email);
  // Budgets stand below the name: they have a column in the file alone.
  const columns = all.filter(({ id }) => id !== "budgets" && (id !== "id" || !isKnown));
  const found = list.items.filter((user) => matches(filter, [user.display_name, user.email, user.user_id, user.role]));
  const tools = (
    <>
      {(list.items.length > MANY || list.hasMore) && <Filter label="Search people" value={filter} onInput={setFilter} />}
      <SaveAsCsv file="t3nets-people" columns={all} rows={list.items.length === 0 ? [] : list.loadAll} />
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
            {found.length === 0 ? (
              <p class="none">Nobody matches.</p>
            ) : (
              <SortedTable name="People" columns={columns} rows={found} keyOf={(user) => user.user_id} {...sorting("sort", columns, { column: "name", descending: false })} stacks />
            )}
            {last && <p class="hint">{nameOf(last)} is the only administrator. To remove them, make someone else an administrator first.</p>}
            <More list={list} all={filter !== ""} />
          </>
        )}
      </Panel>
      {open?.what === "add" && <AddPerson onClose={() => setOpen(null)} onDone={done} onInvite={(user) => (list.reload(), setOpen({ what: "invite", user }))} />}
      {open?.what === "change" && <ChangePerson user={open.user} isLast={isLast(open.user)} onClose={() => setOpen(null)} onDone={done} />}
      {open?.what === "budgets" && <OwnBudgets title={nameOf(open.user)} payer="user" path={userPath(open.user.user_id)} onClose={() => setOpen(null)} onDone={done} />}
      {open?.what === "invite" && <Invite user={open.user} onClose={() => (setOpen(null), keys.reload())} />}
    </>
  );
}

const LAST = "The only administrator. Make someone else an administrator first.";

function Who({ user, until, budgets }: { user: User; until: string | null | undefined; budgets: ComponentChildren }) {
  return (
    <>
      <span class="cut" title={nameOf(user)}>{nameOf(user)}</span>
      {me.value?.user?.user_id === user.user_id && <span class="tag plain beside">you</span>}
      {until && (
        <span class="tag plain beside" title={`Has a sign-in link that was not used yet. It works until ${moment(until)}.`}>
          invited
        </span>
      )}
      {budgets}
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
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <ActionForm
        action={action}
        onSubmit={(event) => add((event.submitter as HTMLButtonElement | null)?.value !== "add")}
        fields={["email", "display_name"]}
        says="Add and invite"
        isReady={email.trim() !== ""}
        others={
          <button type="submit" class="btn" value="add" disabled={action.busy || !email.trim()}>
            Add
          </button>
        }
      >
        <Text label="E-mail" type="email" value={email} onInput={setEmail} required hint="As in Jira, so that “what am I working on” finds their issues." wrong={wrongWith(action.error, "email")} />
        <Text label="Name" value={name} onInput={setName} hint="If empty, the address up to the @." wrong={wrongWith(action.error, "display_name")} />
        <Select label="Role" value={role} options={ROLES} onChange={setRole} hint="Administrators see this page and change everything on it." />
      </ActionForm>
    </Dialog>
  );
}

function ChangePerson({ user, isLast, onClose, onDone }: { user: User; isLast: boolean; onClose: () => void; onDone: (said: string) => void }) {
  const [email, setEmail] = useState(user.email);
  const [name, setName] = useState(user.display_name);
  const [role, setRole] = useState(user.role);
  const action = useAction();
  const save = () =>
    action.run(async () => {
      const edits = { ...(email.trim() !== user.email && { email: email.trim() }), ...(name.trim() !== user.display_name && { display_name: name.trim() }), ...(role !== user.role && { role }) };
      const { changed } = await send<{ changed: string[] }>("PATCH", userPath(user.user_id), edits);
      onDone(changed.length === 0 ? "Nothing to change" : `${name.trim()} was changed`);
    });
  return (
    <Dialog title={`Change ${user.display_name || user.user_id}`} onClose={onClose}>
      <ActionForm action={action} onSubmit={save} fields={["email", "display_name", "role"]} says="Save" onCancel={onClose}>
        <Text label="Name" value={name} onInput={setName} wrong={wrongWith(action.error, "display_name")} />
        <Text label="E-mail" type="email" value={email} onInput={setEmail} wrong={wrongWith(action.error, "email")} />
        <Select label="Role" value={role} options={ROLES} onChange={setRole} wrong={wrongWith(action.error, "role")} disabled={isLast} hint={isLast ? LAST : undefined} />
      </ActionForm>
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
  const make = () => action.run(async () => setMade(await send<Invitation>("POST", `${userPath(user.user_id)}/invite`, { expires_in_seconds: Number(life) })));
  const name = user.display_name || user.user_id;
  return (
    <Dialog title={`Invite ${name}`} onClose={onClose} once={made && "The link"}>
      {made ? (
        <>
          <ShownOnce label="Sign-in link" value={linkOf(made.link_token)} end={<Done />}>
            Send it to {name} alone. It signs in whoever opens it first, works once, until {moment(made.expires_at)}, and is not shown again.
          </ShownOnce>
        </>
      ) : (
        <ActionForm action={action} onSubmit={make} says="Create the link" busySays="Creating…" onCancel={onClose}>
          <p class="says">A link that signs {name} in, once, without a password or a key.</p>
          <Select label="Expires after" value={life} options={LIVES} onChange={setLife} />
        </ActionForm>
      )}
    </Dialog>
  );
}
