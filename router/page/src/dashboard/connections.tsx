// One's own accounts at the team's MCP servers: connecting one by signing in there, or by a token; testing, removing.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { moment } from "../figures/days";
import { duration } from "../figures/numbers";
import { useAction } from "../common/action";
import { confirm } from "../common/dialog";
import { ErrorNote, Note, toast } from "../common/note";
import { me } from "../common/session";
import { ActionForm, FormError, Text, wrongWith } from "./form";
import { Panel, send, useLoad } from "./load";
import { at, go } from "./place";

interface Own {
  name: string;
  server: string | null;
  connected: boolean;
  updated_at: string | null;
  signed_in: boolean;
  ended_at: string | null;
}
interface Owns {
  integrations: Own[];
}

/** What one came back with from a server's sign-in. early.ts took it out of the address. */
interface CameBack {
  name: string;
  state?: string;
  code?: string;
  iss?: string;
  error?: string;
}
const waiting = window as unknown as { t3netsBack?: CameBack };

const LIST = "/api/me/integrations";
const pathOf = (name: string) => `${LIST}/${encodeURIComponent(name)}`;
const titleOf = (name: string) => name.replace(/^mcp-/, "");

/** Goes to the sign-in of a server. One comes back to the router's own address, where the same session has to be. */
export async function signInAt(path: string): Promise<void> {
  const { authorization_url, redirect_uri } = await send<{ authorization_url: string; redirect_uri: string }>("POST", `${path}/connect`, {});
  const home = new URL(redirect_uri).origin;
  if (home !== location.origin) throw new Elsewhere(home);
  if (!/^https?:$/.test(new URL(authorization_url).protocol)) throw new Error("no web address");
  location.assign(authorization_url);
}

/** The page is open at another address than the one that a sign-in comes back to. */
export class Elsewhere extends Error {}

export function SignInError({ error }: { error: unknown }) {
  if (error instanceof Elsewhere) return <Note kind="bad">A sign-in comes back to {error.message}. Open T3nets there, and connect again.</Note>;
  return <FormError error={error} fields={[]} />;
}

export function Connections() {
  const load = useLoad<Owns>(LIST);
  return (
    <>
      <header class="about">
        <span class="sub">{me.value?.tenant_name} · your accounts at your team’s servers: nobody else uses them</span>
      </header>
      <Back onDone={load.reload} />
      {load.value === undefined ? (
        <Panel title="Your connections" load={load}>{() => null}</Panel>
      ) : load.value.integrations.length === 0 ? (
        <Note kind="info">Your team has no server that is used with each person’s own account.</Note>
      ) : (
        <div class="cards">
          {load.value.integrations.map((own) => (
            <One key={`${own.name} ${own.updated_at} ${own.ended_at}`} own={own} onChange={load.put} />
          ))}
        </div>
      )}
    </>
  );
}

/** Finishes the sign-in that one comes back from, once. */
function Back({ onDone }: { onDone: () => void }) {
  const finishing = useAction();
  const [done, setDone] = useState<string | null>(null);
  useEffect(() => {
    const back = waiting.t3netsBack;
    if (!back) return;
    delete waiting.t3netsBack;
    const { name, state = "", code, iss, error } = back;
    void finishing.run(async () => {
      const { credentials } = await send<{ credentials: "user" | "tenant" }>("POST", `${pathOf(name)}/connected`, { state, ...(code !== undefined && { code }), ...(iss !== undefined && { iss }), ...(error !== undefined && { error }) });
      if (credentials === "tenant" && me.value?.may_administer) {
        toast(`${titleOf(name)} is connected for your team`);
        return go({ view: "integrations", card: name });
      }
      setDone(titleOf(name));
      onDone();
    });
  }, []);
  return (
    <div role="status">
      {finishing.busy && <p class="sub">Finishing the sign-in…</p>}
      {finishing.error !== null && <ErrorNote error={finishing.error} />}
      {done && <Note kind="good">Your account at {done} is connected. Ask your question again.</Note>}
    </div>
  );
}

function One({ own, onChange }: { own: Own; onChange: (all: Owns) => void }) {
  const path = pathOf(own.name);
  const title = titleOf(own.name);
  const connecting = useAction();
  const saving = useAction();
  const testing = useAction();
  const [token, setToken] = useState("");
  const [isEntering, setEntering] = useState(false);
  const [works, setWorks] = useState<{ tools: number; took: number } | null>(null);
  const card = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // A link from an answer is about this one.
    if (at("card") === own.name) card.current!.scrollIntoView({ block: "nearest" });
  }, []);
  const save = () =>
    saving.run(async () => {
      const all = await send<Owns>("PUT", path, { token: token.trim() });
      toast(`Your token for ${title} was saved`);
      onChange(all);
    });
  const test = () =>
    testing.run(async () => {
      setWorks(null);
      const { reached, timing_ms } = await send<{ reached: { tools?: { use: string }[] }; timing_ms: number }>("POST", `${path}/test`, {});
      setWorks({ tools: reached.tools?.filter(({ use }) => use !== "off").length ?? 0, took: timing_ms });
    });
  const remove = () =>
    confirm({
      title: `Disconnect ${title}?`,
      text: "Your token is deleted at once, for good. You can connect again at any time.",
      action: "Disconnect",
      run: async () => {
        onChange(await send<Owns>("DELETE", path));
        toast(`${title} was disconnected`);
      },
    });
  const state = own.connected ? "connected" : own.ended_at ? "connect again" : "not connected";
  return (
    <section ref={card} class="card integration" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span class={own.connected ? "tag" : own.ended_at ? "tag bad" : "tag plain"}>{state}</span>
      </header>
      <p class="sub">
        {own.server}
        {own.updated_at && ` · ${own.signed_in ? "signed in" : "token entered"} ${moment(own.updated_at)}`}
      </p>
      {own.ended_at && <p class="hint no">The connection ended {moment(own.ended_at)}: sign in there again.</p>}
      <SignInError error={connecting.error} />
      {testing.busy && <p class="hint" role="status">Asking {title}…</p>}
      {works && (
        <p class="hint ok" role="status">
          ✓ It answers, with {works.tools} {works.tools === 1 ? "tool" : "tools"} that you can use ({duration(works.took)}).
        </p>
      )}
      <FormError error={testing.error} fields={[]} />
      <div class="buttons">
        <button type="button" class={own.connected ? "btn" : "btn p"} disabled={connecting.busy} onClick={() => void connecting.run(() => signInAt(path))}>
          {own.connected || own.ended_at ? "Connect again" : "Connect"}
        </button>
        {own.connected && (
          <button type="button" class="btn" disabled={testing.busy} onClick={() => void test()}>
            {testing.busy ? "Testing…" : "Test"}
          </button>
        )}
        {!isEntering && (
          <button type="button" class="btn" onClick={() => setEntering(true)}>
            Enter a token
          </button>
        )}
        {(own.connected || own.ended_at) && (
          <button type="button" class="btn danger last" onClick={() => void remove()}>
            Disconnect
          </button>
        )}
      </div>
      {isEntering && (
        <ActionForm action={saving} onSubmit={save} fields={["token"]} says="Save" busySays="Saving…" isReady={token.trim() !== ""} onCancel={() => setEntering(false)} noValidate>
          <Text label="Your token" type="password" autocomplete="new-password" value={token} onInput={setToken} hint="Made at the server, under your own account. It is never shown again." wrong={wrongWith(saving.error, "token")} />
        </ActionForm>
      )}
    </section>
  );
}
