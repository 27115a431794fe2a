// Credentials for outside systems. A secret's field is empty and says what is stored; left blank it stays.
import { useState } from "preact/hooks";
import { moment } from "../figures/days";
import { duration } from "../figures/numbers";
import { ApiError } from "../common/api";
import { confirm } from "../common/dialog";
import { LABELS } from "../common/names";
import { explained, sentence, toast } from "../common/note";
import { FormError, Text, wrongWith } from "./form";
import { Panel, send, useAction, useLoad } from "./load";

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
}

export interface Tested {
  reached: { account?: string; site?: string; board?: { id: number; name: string | null; type: string | null }; boards?: { id: number; name: string | null; type: string | null }[]; more_boards?: boolean; sprint?: { name: string; issues: number | null } | null; model?: string; answered_by?: string };
  timing_ms: number;
}

export const pathOf = (name: string) => `/api/admin/integrations/${encodeURIComponent(name)}`;
const TITLES: Record<string, string> = { jira: "Jira", anthropic: "Anthropic", openai: "OpenAI and compatible" };
const HINTS: Record<string, string> = {
  "jira url": "For example https://acme.atlassian.net.",
  "jira email": "Better a separate account than a person’s own.",
  "jira api_token": "Create one at id.atlassian.com, under Security.",
  "jira board_id": "The number after /boards/ in the board’s address.",
  "jira project_key": "Only counts issues of this project: ABC in ABC-12.",
  "anthropic api_key": "Begins with sk-ant-.",
  "anthropic base_url": "Only for an endpoint other than Anthropic’s own.",
  "openai base_url": "For example https://llm.acme.example/v1; if empty, OpenAI’s own.",
  "openai api_key": "Self-hosted endpoints may not need one.",
};
const titleOf = (name: string) => TITLES[name] ?? name;
export const labelOf = (name: string) => LABELS[name] ?? name;

export function Integrations() {
  const load = useLoad<{ integrations: Integration[] }>("/api/admin/integrations");
  if (load.value === undefined) return <Panel title="Integrations" load={load}>{() => null}</Panel>;
  const put = (changed: Integration) => load.put({ integrations: load.value!.integrations.map((of) => (of.name === changed.name ? changed : of)) });
  return (
    <div class="cards">
      {load.value.integrations.map((integration) => (
        <One key={`${integration.name} ${integration.updated_at}`} integration={integration} onChange={put} onReload={load.reload} />
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

function One({ integration, onChange, onReload }: { integration: Integration; onChange: (changed: Integration) => void; onReload: () => void }) {
  const stored = Object.fromEntries(integration.fields.map((field) => [field.name, field.value ?? ""]));
  const [values, setValues] = useState<Record<string, string>>(stored);
  const [result, setResult] = useState<{ of: string; tested: Tested } | null>(null);
  const [failed, setFailed] = useState<{ of: string; error: unknown; took: number } | null>(null);
  const saving = useAction();
  const testing = useAction();
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

  const save = (event: Event) => {
    event.preventDefault();
    void saving.run(async () => {
      onChange(await send<Integration>("PUT", pathOf(integration.name), { fields: changes }));
      toast(`${titleOf(integration.name)} was saved`);
    });
  };
  const test = () =>
    testing.run(async () => {
      setResult(null);
      setFailed(null);
      const started = performance.now();
      try {
        setResult({ of: now, tested: await send<Tested>("POST", `${pathOf(integration.name)}/test`, { fields: changes }) });
      } catch (error) {
        setFailed({ of: now, error, took: performance.now() - started });
      }
    });
  const remove = async () => {
    const yes = await confirm({ title: `Remove ${titleOf(integration.name)}?`, text: "Its credentials stop being used at once. You can restore them here for 30 days; then they are deleted.", action: "Remove", typed: integration.name });
    if (!yes) return;
    await saving.run(async () => {
      await send("DELETE", pathOf(integration.name));
      toast(`${titleOf(integration.name)} was removed`);
      onReload();
    });
  };
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
  return (
    <section class="card integration" aria-label={titleOf(integration.name)}>
      <header>
        <h2>{titleOf(integration.name)}</h2>
        <span class={integration.connected ? "tag" : "tag plain"}>{integration.connected ? "connected" : isGone ? "removed" : "not connected"}</span>
      </header>
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
            onInput={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
          />
        ))}
        {unknown.length > 0 && <p class="says">Stored fields: {unknown.map((field) => field.name).join(", ")}. They are set by the command line.</p>}
        <FormError error={saving.error} fields={names} />
        {testing.busy && <p class="hint" role="status">Asking {titleOf(integration.name)}…</p>}
        {result && <Works tested={result.tested} isOld={result.of !== now} />}
        {failed && <Fails error={failed.error} took={failed.took} isOld={failed.of !== now} />}
        {known.length > 0 && (
          <div class="buttons">
            <button type="submit" class="btn p" disabled={saving.busy || !hasChanges}>
              {saving.busy ? "Saving…" : "Save"}
            </button>
            {integration.can_test && (
              <button type="button" class="btn" disabled={testing.busy || (!integration.connected && !hasChanges)} onClick={() => void test()}>
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
