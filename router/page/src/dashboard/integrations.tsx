// Credentials for outside systems. A secret's field is empty and says what is stored; left blank it stays.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { moment } from "../figures/days";
import { duration } from "../figures/numbers";
import { useAction } from "../common/action";
import { ApiError } from "../common/api";
import { confirm } from "../common/dialog";
import { useDraft } from "../common/drafts";
import { LABELS } from "../common/names";
import { Note, explained, sentence, toast } from "../common/note";
import { me } from "../common/session";
import { SignInError, signInAt } from "./connections";
import { FormError, Text, wrongWith } from "./form";
import { type Loaded, Panel, send, useLoad } from "./load";
import { at } from "./place";
import type { TenantSettings } from "./settings";

export interface IntegrationField {
  name: string;
  description: string | null;
  is_secret: boolean;
  is_optional: boolean;
  is_set: boolean;
  value: string | null;
}

export interface Integration {
  name: string;
  connected: boolean;
  can_test: boolean;
  updated_at: string | null;
  deleted_for_good_at: string | null;
  fields: IntegrationField[];
  /** How one can sign in to it. Absent from older routers. */
  sign_in?: { redirect_uri: string; signed_in: boolean; ended_at: string | null } | null;
}

export interface Tested {
  reached: { account?: string; site?: string; board?: { id: number; name: string | null; type: string | null }; boards?: { id: number; name: string | null; type: string | null }[]; more_boards?: boolean; sprint?: { name: string; issues: number | null } | null; model?: string; answered_by?: string };
  timing_ms: number;
}

export const pathOf = (name: string) => `/api/admin/integrations/${encodeURIComponent(name)}`;
const TITLES: Record<string, string> = { jira: "Jira", anthropic: "Anthropic", openai: "OpenAI and compatible" };
const HINTS: Record<string, string> = {
  "jira url": "For example https://acme.atlassian.net.",
  "jira email": "Use a service account rather than a personal one.",
  "jira api_token": "Create one at id.atlassian.com, under Security.",
  "jira board_id": "The number after /boards/ in the board’s address.",
  "jira project_key": "Only counts issues of this project: ABC in ABC-12.",
  "anthropic api_key": "Begins with sk-ant-.",
  "anthropic base_url": "Only for an endpoint other than Anthropic’s own.",
  "openai base_url": "For example https://llm.acme.example/v1; if empty, OpenAI’s own.",
  "openai api_key": "Self-hosted endpoints may not need one.",
};
const titleOf = (name: string) => TITLES[name] ?? name;
const OF_SERVERS: Record<string, string> = { token: "Token", header: "Header of the token", credentials: "Whose token", client_id: "Client id", client_secret: "Client secret", scopes: "Scopes", tools: "Tools", run_without_asking: "Tools that run without asking", timeout: "Longest time, in seconds" };
export const labelOf = (name: string) => LABELS[name] ?? OF_SERVERS[name] ?? name;

/** What is known of stored credentials: by the last test here, else by the last check of health. */
type Known = { works: true; tested?: Tested } | { works: false; error?: unknown; why: string };
/** The last test of what is stored, by name and by when it was stored. */
const tests = new Map<string, Known>();
const nameOfTest = (of: Integration) => `${of.name} ${of.updated_at}`;

interface Findings {
  checked_at: string;
  checks: { name: string; kind: string; status: "ok" | "failed" | "not_set_up"; detail?: string; hint?: string }[];
}

function knownOf(integration: Integration, health: Findings | undefined): Known | null {
  const last = tests.get(nameOfTest(integration));
  if (last) return last;
  const check = health?.checks.find((check) => check.kind === "integration" && check.name === integration.name);
  if (!health || !check || check.status === "not_set_up" || Date.parse(health.checked_at) < Date.parse(integration.updated_at ?? "")) return null;
  return check.status === "ok" ? { works: true } : { works: false, why: `${sentence(check.detail ?? "")} ${sentence(check.hint ?? "")}`.trim() };
}

/** Whether it is the board of made-up data that `t3nets dev --demo` stores. */
export const isSample = (integration: Integration | undefined) =>
  integration?.name === "jira" && integration.connected && me.value?.sample_data === true && /^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(integration.fields.find((field) => field.name === "url")?.value ?? "");

/** Those that answer, of which a team chooses one. */
const MODELS = ["anthropic", "openai"];

export function Integrations() {
  const load = useLoad<{ integrations: Integration[] }>("/api/admin/integrations");
  const health = useLoad<Findings>("/api/admin/health");
  const settings = useLoad<TenantSettings>("/api/settings");
  if (load.value === undefined) return <Panel title="Integrations" load={load}>{() => null}</Panel>;
  const put = (changed: Integration) => {
    load.put({ integrations: load.value!.integrations.map((of) => (of.name === changed.name ? changed : of)) });
    settings.reload();
  };
  return (
    <div class="cards">
      {load.value.integrations.map((integration) => (
        <One key={`${integration.name} ${integration.updated_at}`} integration={integration} known={knownOf(integration, health.value)} settings={settings} onChange={put} onReload={load.reload} />
      ))}
    </div>
  );
}

/** The origin of an address, or what stands in its place. */
function originOf(text: string): string {
  try {
    return new URL(text.trim()).origin;
  } catch {
    return text.trim();
  }
}

interface OneProps {
  integration: Integration;
  known: Known | null;
  settings: Loaded<TenantSettings>;
  onChange: (changed: Integration) => void;
  onReload: () => void;
}

function One({ integration, known: fromHealth, settings, onChange, onReload }: OneProps) {
  const draft = useDraft<string>(`integration ${integration.name}`);
  const values: Record<string, string> = { ...Object.fromEntries(integration.fields.map((field) => [field.name, field.value ?? ""])), ...draft.changes };
  const [result, setResult] = useState<{ of: string; tested: Tested } | null>(fromHealth?.works && fromHealth.tested ? { of: "{}", tested: fromHealth.tested } : null);
  const [failed, setFailed] = useState<{ of: string; error: unknown; took: number } | null>(null);
  const saving = useAction();
  const testing = useAction();
  const using = useAction();
  const connecting = useAction();
  // Whether the last try was one to save.
  const [wasSaved, setWasSaved] = useState(false);
  const card = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // A link from elsewhere is about this one.
    if (at("card") !== integration.name) return;
    card.current!.scrollIntoView({ block: "nearest" });
    if (!matchMedia("(pointer: coarse)").matches) card.current!.querySelector("input")?.focus({ preventScroll: true });
  }, []);
  const known = integration.fields.filter((field) => field.description !== null);
  const unknown = integration.fields.filter((field) => field.description === null);

  // What is sent: only what differs. Blank keeps a secret; what may be missing is taken away by emptying it.
  const changes: Record<string, string | null> = {};
  for (const field of known) {
    const typed = (values[field.name] ?? "").trim();
    if (field.is_secret ? typed !== "" : typed !== (field.value ?? "")) changes[field.name] = typed === "" ? null : typed;
  }
  const now = JSON.stringify(changes);
  const isMoved = known.some((field) => ["url", "base_url"].includes(field.name) && originOf(values[field.name] ?? "") !== originOf(field.value ?? ""));
  const isGone = integration.deleted_for_good_at !== null;
  const hasChanges = Object.keys(changes).length > 0;

  /** Tries what is typed; what came of it. */
  const tried = async (): Promise<Known> => {
    setResult(null);
    setFailed(null);
    const started = performance.now();
    try {
      const tested = await send<Tested>("POST", `${pathOf(integration.name)}/test`, { fields: changes });
      setResult({ of: now, tested });
      return { works: true, tested };
    } catch (error) {
      setFailed({ of: now, error, took: performance.now() - started });
      const { what, todo } = explained(error);
      return { works: false, error, why: `${what} ${todo}` };
    }
  };
  const store = async (found: Known | null) => {
    const stored = await send<Integration>("PUT", pathOf(integration.name), { fields: changes });
    if (found) tests.set(nameOfTest(stored), found);
    draft.clear();
    onChange(stored);
    toast(`${titleOf(integration.name)} was saved`);
  };
  const save = (event: Event) => {
    event.preventDefault();
    setWasSaved(true);
    void saving.run(async () => {
      const found = integration.can_test ? await tried() : null;
      // What does not work is stored only if one says so.
      if (found?.works !== false) await store(found);
    });
  };
  const saveAnyway = () => saving.run(() => store({ works: false, why: failed ? `${explained(failed.error).what} ${explained(failed.error).todo}` : "" }));
  const test = () =>
    testing.run(async () => {
      setWasSaved(false);
      const found = await tried();
      if (!hasChanges) tests.set(nameOfTest(integration), found);
    });
  const remove = () =>
    confirm({
      title: `Remove ${titleOf(integration.name)}?`,
      text: "Its credentials stop being used at once. You can restore them here for 30 days; then they are deleted.",
      action: "Remove",
      typed: integration.name,
      run: async () => {
        await send("DELETE", pathOf(integration.name));
        draft.clear();
        toast(`${titleOf(integration.name)} was removed`);
        onReload();
      },
    });
  const answerWith = () =>
    using.run(async () => {
      settings.put(await send<TenantSettings>("PUT", "/api/settings", { settings: { ai_provider: integration.name } }));
      toast(`${titleOf(integration.name)} answers from now on`);
    });
  const restore = () =>
    saving.run(async () => {
      onChange(await send<Integration>("POST", `${pathOf(integration.name)}/restore`, {}));
      toast(`${titleOf(integration.name)} was restored`);
    });

  const wrong = (field: IntegrationField) => {
    const said = wrongWith(saving.error, field.name) ?? (failed?.of === now ? wrongWith(failed.error, field.name) : undefined);
    if (said) return said;
    return field.is_secret && field.is_set && isMoved && !(values[field.name] ?? "").trim() ? "The address is on another host: enter it again. What is stored is never sent to a new host." : undefined;
  };
  const names = known.map((field) => field.name);
  const state = tests.get(nameOfTest(integration)) ?? fromHealth;
  const isOfField = failed?.error instanceof ApiError && failed.error.field !== undefined;
  const mayForce = failed !== null && failed.of === now && hasChanges && !isOfField && wasSaved;
  const isIdle = integration.connected && MODELS.includes(integration.name) && settings.value !== undefined && settings.value.model.provider !== integration.name && settings.value.settings?.find((of) => of.name === "ai_provider")?.value !== integration.name;
  return (
    <section ref={card} class="card integration" aria-label={titleOf(integration.name)}>
      <header>
        <h2>{titleOf(integration.name)}</h2>
        <span class={!integration.connected ? "tag plain" : state?.works ? "tag" : state ? "tag bad" : "tag plain"}>{!integration.connected ? (isGone ? "removed" : "not connected") : state?.works ? "works" : state ? "does not work" : "stored, not tested"}</span>
      </header>
      {integration.connected && state?.works === false && !failed && <p class="hint no">Does not work: {state.why}</p>}
      {isSample(integration) && <Note kind="info">This is sample data: a made-up board, so that T3nets can be tried. Enter your own Jira to replace it.</Note>}
      {isIdle && (
        <Note
          kind="info"
          actions={
            <button type="button" disabled={using.busy} onClick={() => void answerWith()}>
              Answer with {titleOf(integration.name)}
            </button>
          }
        >
          Not in use yet.
        </Note>
      )}
      <FormError error={using.error} fields={[]} />
      {isGone ? (
        <>
          <p class="says">Removed. It can be restored until {moment(integration.deleted_for_good_at!)}; new credentials take its place.</p>
          <div class="buttons">
            <button type="button" class="btn" disabled={saving.busy} onClick={() => void restore()}>
              Restore
            </button>
          </div>
        </>
      ) : (
        integration.updated_at && <p class="sub">Changed {moment(integration.updated_at)}</p>
      )}
      {integration.sign_in && integration.connected && integration.fields.find((field) => field.name === "credentials")?.value !== "user" && (
        <>
          {integration.sign_in.ended_at && <p class="hint no">The sign-in ended {moment(integration.sign_in.ended_at)}.</p>}
          <p class="says">Where the server signs people in, connect it for your team by your own account there. A client that you register by hand comes back to {integration.sign_in.redirect_uri}.</p>
          <SignInError error={connecting.error} />
          <div class="buttons">
            <button type="button" class="btn" disabled={connecting.busy || hasChanges} onClick={() => void connecting.run(() => signInAt(pathOf(integration.name)))}>
              {integration.sign_in.signed_in ? "Sign in again" : "Sign in"}
            </button>
          </div>
        </>
      )}
      <form onSubmit={save} noValidate>
        {known.map((field) => (
          <Text
            key={field.name}
            label={`${labelOf(field.name)}${field.is_optional ? " (optional)" : ""}`}
            type={field.is_secret ? "password" : "text"}
            autocomplete={field.is_secret ? "new-password" : "off"}
            value={values[field.name] ?? ""}
            placeholder={field.is_secret && field.is_set ? "stored" : undefined}
            hint={field.is_secret && field.is_set ? "Stored. Leave it empty to keep it; it is never shown." : (HINTS[`${integration.name} ${field.name}`] ?? sentence(field.description ?? ""))}
            wrong={wrong(field)}
            onInput={(value) => draft.set(field.name, value, field.value ?? "")}
          />
        ))}
        {unknown.length > 0 && <p class="says">Stored fields: {unknown.map((field) => field.name).join(", ")}. They are set by the command line.</p>}
        <FormError error={saving.error} fields={names} />
        {(testing.busy || (saving.busy && integration.can_test && !result && !failed)) && <p class="hint" role="status">Asking {titleOf(integration.name)}…</p>}
        {result && <Works tested={result.tested} isOld={result.of !== now} />}
        {failed && <Fails error={failed.error} took={failed.took} isOld={failed.of !== now} />}
        {mayForce && (
          <p class="hint">
            Nothing was saved.{" "}
            <button type="button" class="textual" disabled={saving.busy} onClick={() => void saveAnyway()}>
              Save anyway
            </button>
          </p>
        )}
        {known.length > 0 && (
          <div class="buttons">
            <button type="submit" class="btn p" disabled={saving.busy || !hasChanges}>
              {saving.busy ? (integration.can_test && !result ? "Testing…" : "Saving…") : "Save"}
            </button>
            {integration.can_test && (
              <button type="button" class="btn" disabled={testing.busy || saving.busy || (!integration.connected && !hasChanges)} onClick={() => void test()}>
                {testing.busy ? "Testing…" : "Test"}
              </button>
            )}
            {integration.connected && (
              <button type="button" class="btn danger last" disabled={saving.busy} onClick={() => void remove()}>
                Remove
              </button>
            )}
          </div>
        )}
      </form>
    </section>
  );
}

/** What a test saw. */
export function seen({ reached }: Tested): string {
  if (reached.model) return `${reached.model} answers`;
  const who = reached.account ?? "The account";
  if (reached.boards) return `${who} is signed in at ${reached.site} and reads ${reached.more_boards ? "more than " : ""}${reached.boards.length} ${reached.boards.length === 1 ? "board" : "boards"}`;
  if (!reached.board) return "It answers";
  const issues = reached.sprint?.issues;
  const sprint = reached.sprint ? `; ${reached.sprint.name} is active${issues === null || issues === undefined ? "" : ` with ${issues} ${issues === 1 ? "issue" : "issues"}`}` : "; no sprint is active";
  return `${who} reads the board ${reached.board.name ?? reached.board.id} at ${reached.site}${sprint}`;
}

export function Works({ tested, isOld = false }: { tested: Tested; isOld?: boolean }) {
  return (
    <p class={isOld ? "hint" : "hint ok"} role="status">
      {isOld ? "Before the last change: " : "✓ "}
      {seen(tested)} ({duration(tested.timing_ms)}).
    </p>
  );
}

function Fails({ error, took, isOld }: { error: unknown; took: number; isOld: boolean }) {
  const { what, todo } = explained(error);
  const isOfField = error instanceof ApiError && error.field !== undefined;
  return (
    <p class={isOld ? "hint" : "hint no"} role="alert">
      {isOld ? "Before the last change: " : "✕ "}
      {isOfField ? "Not tried." : `${what} ${todo}`} ({duration(took)})
    </p>
  );
}
