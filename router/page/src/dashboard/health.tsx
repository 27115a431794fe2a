// Whether what T3nets stands on answers, and how long each took.
import { clock } from "../figures/days";
import { duration, plural } from "../figures/numbers";
import { sentence } from "../common/note";
import { Panel, isAbsent, useLoad } from "./load";

interface Check {
  name: string;
  kind: "store" | "secrets" | "model" | "integration";
  status: "ok" | "failed" | "not_set_up";
  took_ms: number;
  detail?: string;
  hint?: string;
  code?: string;
}

interface Findings {
  status: "ok" | "failed";
  checked_at: string;
  checks: Check[];
  routes: Record<string, number>;
  model_failures: { at: string; model: string; code: string; message: string }[];
  since: string;
}

const STATES = { ok: "works", failed: "does not work", not_set_up: "not set up" };
const KNOWN: Record<string, string> = { tenants: "Tenants", usage: "Usage", conversations: "Conversations", secrets: "Secrets", jira: "Jira", anthropic: "Anthropic", openai: "OpenAI", model: "Model" };
/** Where one sets it up. */
const placeOf = (check: Check) => (check.name === "jira" ? "/setup?step=jira" : `/dashboard?view=integrations${check.kind === "model" ? `&card=${/`openai`/.test(check.detail ?? "") ? "openai" : "anthropic"}` : ""}`);

export function Health() {
  const load = useLoad<Findings>("/api/admin/health");
  if (isAbsent(load.error)) return null;
  const again = (
    <button type="button" class="textual" title={load.value && `Checked at ${clock(load.value.checked_at)}`} onClick={load.reload} disabled={load.busy}>
      {load.busy ? "Checking…" : "Check again"}
    </button>
  );
  return (
    <Panel title="Health" class="healthy" load={load} tools={again} lines={5}>
      {(found) => (
        <>
          <ul class="health">
            {found.checks.map((check) => (
              <li key={`${check.kind} ${check.name}`} class={check.status}>
                <Mark status={check.status} />
                <span class="what">
                  {KNOWN[check.name] ?? check.name}
                  <span class="hidden"> {STATES[check.status]}</span>
                </span>
                <span class="t">{check.status === "ok" ? duration(check.took_ms) : check.status === "not_set_up" ? <a href={placeOf(check)}>set up</a> : STATES[check.status]}</span>
                {check.status !== "ok" && check.detail && (
                  <small>
                    {sentence(check.detail)} {check.code === "model_misconfigured" ? <a href={placeOf(check)}>Add a key</a> : check.hint && sentence(check.hint)}
                  </small>
                )}
              </li>
            ))}
          </ul>
          {found.model_failures.length > 0 && (
            <details class="numbers">
              <summary>{plural(found.model_failures.length, "failure")} of the model</summary>
              <ul class="failures">
                {found.model_failures.map((failure) => (
                  <li key={`${failure.at} ${failure.code}`}>
                    <b>{clock(failure.at)}</b> {failure.model}: {sentence(failure.message)}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </>
      )}
    </Panel>
  );
}

/** A tick, a cross or a dash: colour is not all that tells them apart. */
function Mark({ status }: { status: Check["status"] }) {
  const path = { ok: "M3.5 8.5l3 3 6-7", failed: "M4 4l8 8M12 4l-8 8", not_set_up: "M4 8h8" }[status];
  return (
    <svg class={`mark ${status}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
