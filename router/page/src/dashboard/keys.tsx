// Keys of programs, sessions of browsers, and links that have not been used: all of them sign somebody in.
import { useState } from "preact/hooks";
import { moment } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { confirm, Dialog } from "../common/dialog";
import { ErrorNote, toast } from "../common/note";
import { me } from "../common/session";
import { FormError, Select, ShownOnce, Text, wrongWith } from "./form";
import { More, Panel, send, useAction, useList } from "./load";
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
}

const KINDS = [
  { kind: "key", title: "API keys", none: "No key yet. Programs, the command line and other chat clients sign in with one." },
  { kind: "session", title: "Sessions", none: "Nobody is signed in in a browser." },
  { kind: "link", title: "Invitations not used yet", none: "" },
] as const;

export function Keys() {
  const list = useList<Key>("/api/admin/keys", "keys");
  const [isNew, setNew] = useState(false);
  const revoking = useAction();
  const revoke = async (key: Key) => {
    revoking.clear();
    const what = { key: "key", session: "session", link: "invitation" }[key.kind];
    const yes = await confirm({
      title: `Revoke this ${what}?`,
      text: key.kind === "key" ? `What uses “${key.name || key.prefix}” stops working within seconds, and so do sessions that were opened with it. A revoked key cannot be brought back.` : `${key.user_id} has to sign in anew with another link or a key.`,
      action: "Revoke",
      // A session costs a new sign-in; a key that is gone stops programs.
      ...(key.kind === "key" && { typed: key.name || key.prefix }),
    });
    if (!yes) return;
    await revoking.run(async () => {
      await send("DELETE", `/api/admin/keys/${encodeURIComponent(key.hash)}`);
      toast("Revoked; it stops working within 5 seconds");
      list.reload();
    });
  };
  const columnsOf = (kind: Key["kind"]): Column<Key>[] => [
    { id: "name", label: kind === "key" ? "Name" : "How", value: (key) => key.name || (kind === "link" ? "one-time link" : ""), show: (key) => key.name || (kind === "link" ? "one-time link" : <span class="soft">no name</span>) },
    { id: "prefix", label: "Begins with", value: (key) => key.prefix, show: (key) => <code>{key.prefix}</code> },
    { id: "user", label: "User", value: (key) => key.user_id },
    { id: "role", label: "Role", value: (key) => key.role, show: (key) => <span class={key.role === "admin" ? "tag" : "tag plain"}>{key.role}</span> },
    { id: "created", label: "Made", value: (key) => key.created_at, show: (key) => moment(key.created_at) },
    { id: "expires", label: "Ends", value: (key) => key.expires_at, show: (key) => (key.state === "expired" ? <span class="no">expired {moment(key.expires_at!)}</span> : key.expires_at ? moment(key.expires_at) : "never") },
    {
      id: "actions",
      label: "Actions",
      isActions: true,
      value: () => null,
      show: (key) => (
        <button type="button" class="btn small danger" aria-label={`Revoke ${key.name || key.prefix}`} disabled={revoking.busy} onClick={() => void revoke(key)}>
          Revoke
        </button>
      ),
    },
  ];
  return (
    <>
      {revoking.error !== null && <ErrorNote error={revoking.error} />}
      {KINDS.map(({ kind, title, none }) => {
        const rows = list.items.filter((key) => key.kind === kind);
        if (rows.length === 0 && kind === "link") return null;
        const columns = columnsOf(kind);
        const tools = (
          <>
            <SaveAsCsv file={`t3nets-${kind}s.csv`} columns={columns} rows={rows} />
            {kind === "key" && (
              <button type="button" class="btn small p" onClick={() => setNew(true)}>
                New key
              </button>
            )}
          </>
        );
        return (
          <Panel key={kind} title={title} load={kind === "key" ? list : { ...list, error: undefined }} tools={tools}>
            {() => (rows.length === 0 ? <p class="none">{none}</p> : <SortedTable name={title} columns={columns} rows={rows} keyOf={(key) => key.hash} {...sorting(kind === "key" ? "sort" : `sort-${kind}`, columns, { column: "created", descending: true })} />)}
          </Panel>
        );
      })}
      <More list={list} />
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

const LIVES = [
  ["", "No end"],
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
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () =>
      setMade(
        await send<Key & { key: string }>("POST", "/api/admin/keys", {
          user_id: user.trim(),
          ...(name.trim() && { name: name.trim() }),
          ...(role && { role }),
          ...(life && { expires_in_seconds: Number(life) }),
        }),
      ),
    );
  };
  return (
    <Dialog title={made ? "The new key" : "New key"} onClose={onClose}>
      {made ? (
        <>
          <ShownOnce label="API key" value={made.key}>
            It acts as {made.user_id}. Store it now: it is not shown again.
          </ShownOnce>
          <div class="buttons">
            <button type="button" class="btn p" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={submit}>
          <Text label="What it is for" value={name} onInput={setName} placeholder="release bot" wrong={wrongWith(action.error, "name")} />
          <Text label="User" value={user} onInput={setUser} list="people-of-keys" required hint="The user it acts as; its usage counts as theirs." wrong={wrongWith(action.error, "user_id")} />
          <datalist id="people-of-keys">
            {people.items.map((user) => (
              <option key={user.user_id} value={user.user_id}>
                {user.display_name}
              </option>
            ))}
          </datalist>
          <Select label="May do" value={role} options={[["", "As much as its user"], ["member", "What members may"], ["admin", "What administrators may"]]} onChange={setRole} wrong={wrongWith(action.error, "role")} />
          <Select label="Works for" value={life} options={LIVES} onChange={setLife} />
          <FormError error={action.error} fields={["name", "user_id", "role"]} />
          <div class="buttons">
            <button type="submit" class="btn p" disabled={action.busy || !user.trim()}>
              {action.busy ? "Making it…" : "Make the key"}
            </button>
            <button type="button" class="btn" onClick={onClose}>
              Cancel
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
