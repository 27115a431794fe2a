// Keys of programs, sessions of browsers, and links that have not been used: all of them sign somebody in.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { moment } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { useAction } from "../common/action";
import { confirm, Dialog, Done } from "../common/dialog";
import { toast } from "../common/note";
import { me } from "../common/session";
import { ActionForm, Select, ShownOnce, Text, wrongWith } from "./form";
import { More, Panel, send, useList } from "./load";
import { type Own, OwnBudgets, ToldBudgets, textOf, useToldOf } from "./own-budgets";
import { sorting } from "./place";

interface Key {
  prefix: string;
  user_id: string;
  kind: "key" | "session" | "link";
  name: string;
  role: "admin" | "member";
  state: "active" | "expired" | "revoked";
  created_at: string;
  expires_at: string | null;
  hash: string;
  /** It is the session of this browser. */
  current?: boolean;
  budgets?: Own;
}

const keyPath = (key: Key) => `/api/admin/keys/${encodeURIComponent(key.hash)}`;

const KINDS = [
  { kind: "key", title: "API keys", none: "No key yet. Programs, the command line and other chat clients sign in with one." },
  { kind: "session", title: "Sessions", none: "Nobody is signed in in a browser." },
  { kind: "link", title: "Invitations not used yet", none: "" },
] as const;

export function Keys() {
  const list = useList<Key>("/api/admin/keys", "keys");
  const [isNew, setNew] = useState(false);
  const [budgetsOf, setBudgetsOf] = useState<Key | null>(null);
  const budgets = useToldOf("key");
  const toldOf = (key: Key) => (key.kind === "key" ? budgets.of(key.prefix, key.budgets) : []);
  const revoke = (key: Key) => {
    const what = { key: "key", session: "session", link: "invitation" }[key.kind];
    return confirm({
      title: `Revoke this ${what}?`,
      text: key.kind === "key" ? `What uses “${key.name || key.prefix}” stops working within seconds, and so do sessions that were opened with it. A revoked key cannot be brought back.` : key.current ? "You are signed out on this browser, and have to sign in again." : `${key.user_id} has to sign in again with another link or a key.`,
      action: "Revoke",
      // A session costs a new sign-in; a key that is gone stops programs.
      ...(key.kind === "key" && { typed: key.name || key.prefix }),
      run: async () => {
        await send("DELETE", keyPath(key));
        toast("Revoked; it stops working within 5 seconds");
        list.reload();
      },
    });
  };
  const columnsOf = (kind: Key["kind"]): Column<Key>[] => [
    { id: "name", label: kind === "key" ? "Name" : "How", value: (key) => key.name || (kind === "link" ? "one-time link" : ""), show: (key) => <How of={key} budgets={<ToldBudgets all={toldOf(key)} />} /> },
    { id: "prefix", label: "Begins with", value: (key) => key.prefix, show: (key) => <code>{key.prefix}</code> },
    { id: "user", label: "User", value: (key) => key.user_id },
    { id: "role", label: "Role", value: (key) => key.role, show: (key) => <span class={key.role === "admin" ? "tag" : "tag plain"}>{key.role}</span> },
    { id: "created", label: "Created", value: (key) => key.created_at, show: (key) => moment(key.created_at) },
    { id: "expires", label: "Expires", value: (key) => key.expires_at, show: (key) => <Expires of={key} /> },
    { id: "budgets", label: "Budgets", value: (key) => textOf(toldOf(key)) },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (key) => (
        <>
          {key.kind === "key" && (
            <button type="button" class="btn small" aria-label={`Budgets of ${key.name || key.prefix}`} onClick={() => setBudgetsOf(key)}>
              Budgets
            </button>
          )}
          <button type="button" class="btn small danger" aria-label={`Revoke ${key.name || key.prefix}`} onClick={() => void revoke(key)}>
            Revoke
          </button>
        </>
      ),
    },
  ];
  return (
    <>
      {KINDS.map(({ kind, title, none }) => {
        const rows = list.items.filter((key) => key.kind === kind);
        if (rows.length === 0 && kind === "link") return null;
        const columns = columnsOf(kind).filter(({ id }) => id !== "budgets" || kind === "key");
        // A session is told by what opened it; a key's budgets stand below its name.
        const shown = columns.filter(({ id }) => id !== "budgets" && (id !== "prefix" || kind !== "session"));
        const tools = (
          <>
            <SaveAsCsv file={`t3nets-${kind}s`} columns={columns} rows={rows} />
            {kind === "key" && (
              <button type="button" class="btn small p" onClick={() => setNew(true)}>
                New key
              </button>
            )}
          </>
        );
        return (
          <Panel key={kind} title={title} load={kind === "key" ? list : { ...list, error: undefined }} tools={tools}>
            {() => (rows.length === 0 ? <p class="none">{none}</p> : <SortedTable name={title} columns={shown} rows={rows} keyOf={(key) => key.hash} {...sorting(kind === "key" ? "sort" : `sort-${kind}`, columns, { column: "created", descending: true })} stacks />)}
          </Panel>
        );
      })}
      <More list={list} />
      {budgetsOf && (
        <OwnBudgets
          title={budgetsOf.name ? `“${budgetsOf.name}”` : budgetsOf.prefix}
          payer="key"
          path={keyPath(budgetsOf)}
          onClose={() => setBudgetsOf(null)}
          onDone={(said) => {
            setBudgetsOf(null);
            toast(said);
            list.reload();
            budgets.reload();
          }}
        />
      )}
      {isNew && (
        <NewKey
          onClose={() => {
            setNew(false);
            list.reload();
          }}
        />
      )}
    </>
  );
}

const SOON_MS = 7 * 86_400_000;

/** A key that ends soon stops a program: that is to be seen. Sessions and links end soon, as they should. */
function Expires({ of: { expires_at, state, kind } }: { of: Key }) {
  if (!expires_at) return <>Never</>;
  if (state === "expired") return <span class="no">Expired {moment(expires_at)}</span>;
  const isSoon = kind === "key" && Date.parse(expires_at) - Date.now() < SOON_MS;
  return isSoon ? <span class="soon">{moment(expires_at)} – soon</span> : <>{moment(expires_at)}</>;
}

function How({ of, budgets }: { of: Key; budgets: ComponentChildren }) {
  return (
    <>
      {of.name || (of.kind === "link" ? "one-time link" : <span class="soft">no name</span>)}
      {of.kind === "session" && of.current && <span class="tag plain beside">this browser</span>}
      {budgets}
    </>
  );
}

const LIVES = [
  ["", "Never"],
  ["86400", "1 day"],
  ["2592000", "30 days"],
  ["7776000", "90 days"],
  ["31536000", "1 year"],
] as const;

function NewKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [user, setUser] = useState(me.value?.user?.user_id ?? "");
  const [role, setRole] = useState<"" | "member" | "admin">("");
  const [life, setLife] = useState<(typeof LIVES)[number][0]>("7776000");
  const [made, setMade] = useState<Key & { key: string }>();
  const people = useList<{ user_id: string; display_name: string }>("/api/admin/users", "users");
  const action = useAction();
  const make = () =>
    action.run(async () =>
      setMade(
        await send<Key & { key: string }>("POST", "/api/admin/keys", {
          user_id: user.trim(),
          ...(name.trim() && { name: name.trim() }),
          ...(role && { role }),
          ...(life && { expires_in_seconds: Number(life) }),
        }),
      ),
    );
  return (
    <Dialog title={made ? "Your new key" : "New key"} onClose={onClose} once={made && "The key"}>
      {made ? (
        <>
          <ShownOnce label="API key" value={made.key} end={<Done />}>
            It acts as {made.user_id}. Store it now: it is not shown again.
          </ShownOnce>
        </>
      ) : (
        <ActionForm action={action} onSubmit={make} fields={["name", "user_id", "role"]} says="Create the key" busySays="Creating…" isReady={user.trim() !== ""} onCancel={onClose}>
          <Text label="What it is for" value={name} onInput={setName} placeholder="release bot" wrong={wrongWith(action.error, "name")} />
          <Text label="User" value={user} onInput={setUser} list="people-of-keys" required hint="The user it acts as; its usage counts as theirs." wrong={wrongWith(action.error, "user_id")} />
          <datalist id="people-of-keys">
            {people.items.map((user) => (
              <option key={user.user_id} value={user.user_id}>
                {user.display_name}
              </option>
            ))}
          </datalist>
          <Select label="Permissions" value={role} options={[["", "The same as its user"], ["member", "Member"], ["admin", "Administrator"]]} onChange={setRole} wrong={wrongWith(action.error, "role")} />
          <Select label="Expires after" value={life} options={LIVES} onChange={setLife} />
        </ActionForm>
      )}
    </Dialog>
  );
}
