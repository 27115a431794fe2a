// The tenant's name, model and limits: a field for each thing that the API says may be set.
import { useRef, useState } from "preact/hooks";
import { count } from "../figures/numbers";
import { useAction } from "../common/action";
import { useDraft } from "../common/drafts";
import { Note, sentence, toast } from "../common/note";
import { LABELS } from "../common/names";
import { loadMe } from "../common/session";
import { BudgetFields, isBudget } from "./budget-fields";
import { servedIn } from "./channels";
import { ActionForm, Field, Text, wrongWith } from "./form";
import { type Loaded, Panel, send, useLoad } from "./load";
import { addressWith, follow } from "./place";

export type Value = string | number | string[] | null;

export interface Setting {
  name: string;
  meaning: string;
  rule: string;
  value: Value;
}

export interface TenantSettings {
  tenant_id: string;
  name: string;
  status: string;
  model: { provider: string | null; name: string | null; wording?: string; fallback?: string; problem?: string };
  settings?: Setting[];
  version?: number;
}

/** What a rule in words takes: the API says it, so that a new setting has its field here at once. */
export function kindOf({ name, rule }: Setting): { kind: "one" | "some"; of: string[] } | { kind: "number" | "long" | "lines" | "text" } {
  const one = /^must be one of (.+)$/.exec(rule)?.[1];
  if (one) return { kind: "one", of: one.split(", ") };
  const some = /^must be a list of (.+), separated by commas$/.exec(rule)?.[1];
  if (some) return { kind: "some", of: some.split(", ") };
  if (rule.endsWith(", separated by commas")) return { kind: "lines" };
  if (/^must be a (whole )?number/.test(rule)) return { kind: "number" };
  return { kind: name === "system_prompt_override" ? "long" : "text" };
}

const defaultOf = (meaning: string) => {
  const found = /\[default: (.+)\]$/.exec(meaning)?.[1] ?? "not set";
  return found === "those" ? "the built-in ones" : found === "ai_model" ? "the same model" : found;
};

/** A value as it is sent: what is typed may have spaces around it, and empty lines, while it is typed. */
function sent(value: Value): Value {
  if (typeof value === "string") return value.trim() || null;
  return Array.isArray(value) ? value.map((one) => one.trim()).filter(Boolean) : value;
}

const HELP: Record<string, string> = {
  ai_provider: "Whose model answers. Its key is stored under Integrations.",
  ai_model: "The model’s name or ID at that provider.",
  tier1_formatting_model: "Puts the results of skills into words where a question names the skill. A cheaper one may do.",
  fallback_model: "Asked while the other is throttled or down.",
  profile_model: "Behind application inference profiles of Bedrock: tells what they cost.",
  system_prompt_override: "Tells the model how to answer, in place of the built-in instructions.",
  max_tokens_per_message: "The most tokens that one answer may have.",
  enabled_channels: "Where the team’s questions are answered.",
  enabled_skills: "What T3nets may use to answer.",
  skill_triggers: "Messages that say one of these are answered by that skill. One a line, like “sprint_status: standup report” or “sprint_status/blockers: what holds us up”. The built-in ones are under Triggers.",
  retention_days: "A conversation is deleted so many days after its last turn.",
  max_conversation_history: "How many earlier turns the model sees with a question. 0: each question stands alone.",
  max_concurrent_calls: "How many questions may be with a model at once, over all routers.",
  guardrail_identifier: "The ID or ARN of a guardrail in Amazon Bedrock, which checks questions and answers.",
  guardrail_version: "DRAFT or a number.",
};

/** What a setting does, of a new one in the API's words, and what it takes where that is a range. */
function helpOf({ name, meaning, rule }: Setting): string {
  const range = /^must be a whole number from (\d+) to (\d+)$/.exec(rule);
  return `${HELP[name] ?? sentence(meaning.replace(/ \[default: .+\]$/, ""))}${range ? ` From ${count(Number(range[1]))} to ${count(Number(range[2]))}.` : ""}`;
}

const CHANNELS: Record<string, string> = { dashboard: "Web page", api: "API", slack: "Slack", teams: "Microsoft Teams", telegram: "Telegram" };
const PROVIDERS: Record<string, string> = { bedrock: "Amazon Bedrock", anthropic: "Anthropic", openai: "OpenAI or compatible", offline: "No model: templates" };

export function Settings() {
  const load = useLoad<TenantSettings>("/api/settings");
  return (
    <Panel title="Settings" class="narrow" load={load} lines={8}>
      {(settings) => <Form key={settings.version} settings={settings} load={load} />}
    </Panel>
  );
}

/** What is wrong with a value, as far as the rule can be read. */
function problemOf(setting: Setting, value: Value): string | undefined {
  if (value === null) return undefined;
  const range = /^must be a (?:whole )?number from (\d+) to (\d+)/.exec(setting.rule);
  const isWrong = range ? typeof value !== "number" || value < Number(range[1]) || value > Number(range[2]) : setting.rule.endsWith("without spaces") && /\s/.test(String(value));
  return isWrong ? sentence(setting.rule.replace(/\d{5,}/g, (digits) => count(Number(digits)))) : undefined;
}

/** Where the key of a provider is entered. */
const keyOf = (provider: string) => addressWith({ view: "integrations", card: provider });

function Form({ settings, load }: { settings: TenantSettings; load: Loaded<TenantSettings> }) {
  const draft = useDraft<Value>("settings");
  const channels = useLoad<unknown>("/api/admin/channels?limit=1");
  const [isChecked, setChecked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const action = useAction();
  // Those of a view of their own are not typed here.
  const all = (settings.settings ?? []).filter((setting) => setting.name !== "disabled_triggers");
  const of = (setting: Setting): Value => (setting.name in draft.changes ? draft.changes[setting.name]! : setting.value);
  const name = String(draft.changes["name"] ?? settings.name);
  const changed = all.filter((setting) => JSON.stringify(sent(of(setting))) !== JSON.stringify(setting.value));
  const hasChanges = changed.length > 0 || name.trim() !== settings.name;
  const problems = new Map(changed.map((setting) => [setting.name, problemOf(setting, sent(of(setting)))]));
  const save = () => {
    setChecked(true);
    if ([...problems.values()].some(Boolean)) {
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    void action.run(async () => {
      const saved = await send<TenantSettings>("PUT", "/api/settings", {
        ...(name.trim() !== settings.name && { name: name.trim() }),
        ...(changed.length > 0 && { settings: Object.fromEntries(changed.map((setting) => [setting.name, sent(of(setting))])) }),
        ...(settings.version !== undefined && { version: settings.version }),
      });
      toast("Saved");
      draft.clear();
      load.put(saved);
      // The frame shows the tenant's name.
      if (saved.name !== settings.name) void loadMe();
    });
  };
  const wrong = (field: string) => (isChecked && problems.get(field)) || wrongWith(action.error, field);
  const fields = ["name", ...all.map((of) => of.name)];
  const provider = all.find((of) => of.name === "ai_provider")?.value;
  const wantsKey = provider === "anthropic" || provider === "openai" ? provider : null;
  return (
    <ActionForm form={form} action={action} onSubmit={save} fields={fields} onCurrent={load.reload} says="Save" busySays="Saving…" isReady={hasChanges} noValidate>
      {settings.model.problem ? (
        <Note kind="bad" actions={wantsKey && <a href={keyOf(wantsKey)} onClick={(event) => follow(event, { view: "integrations", card: wantsKey })}>Add the key</a>}>
          No model answers: {sentence(settings.model.problem)}
        </Note>
      ) : settings.model.provider === "offline" ? (
        <Note kind="info" actions={<a href={keyOf("anthropic")} onClick={(event) => follow(event, { view: "integrations", card: "anthropic" })}>Add a model</a>}>
          No model is set up: answers are made by templates.
        </Note>
      ) : (
        <p class="sub">{`${settings.model.name} answers now, by ${settings.model.provider}.`}{settings.model.wording && ` ${settings.model.wording} words the results of skills.`}{settings.model.fallback && ` ${settings.model.fallback} stands in.`}</p>
      )}
      <Text label="Name of the team" value={name} onInput={(value) => draft.set("name", value, settings.name)} wrong={wrong("name")} />
      {all.filter((setting) => !isBudget(setting)).map((setting) => (
        <One key={setting.name} setting={setting} value={of(setting)} served={channels.value === undefined ? undefined : servedIn(channels.value)} onChange={(value) => draft.set(setting.name, value, setting.value)} wrong={wrong(setting.name)} />
      ))}
      <BudgetFields settings={all.filter(isBudget)} of={of} usual={(setting) => defaultOf(setting.meaning)} onChange={(setting, value) => draft.set(setting.name, value, setting.value)} wrong={(setting) => wrong(setting.name)} />
    </ActionForm>
  );
}

interface OneProps {
  setting: Setting;
  value: Value;
  /** The channels besides page and API on which the router answers; undefined while that is not known. */
  served: readonly string[] | undefined;
  onChange: (value: Value) => void;
  wrong: string | undefined;
}

function One({ setting, value, served, onChange, wrong }: OneProps) {
  const kind = kindOf(setting);
  const label = LABELS[setting.name] ?? setting.name;
  const usual = defaultOf(setting.meaning);
  const hint = helpOf(setting);
  const isMissing = (name: string) => setting.name === "enabled_channels" && served !== undefined && !["dashboard", "api", ...served].includes(name);
  if (kind.kind === "some") {
    const chosen = Array.isArray(value) ? value : null;
    const turn = (name: string, isOn: boolean) => onChange(kind.of.filter((of) => (of === name ? isOn : chosen?.includes(of))));
    return (
      <fieldset class="field some">
        <legend>{label}</legend>
        <label class="check">
          <input type="checkbox" checked={chosen === null} onChange={(event) => onChange(event.currentTarget.checked ? null : [...kind.of])} />
          {usual.charAt(0).toUpperCase() + usual.slice(1)}
        </label>
        {hint && <p class="hint">{hint}</p>}
        {chosen !== null &&
          kind.of.map((name) => (
            <label key={name} class="check in-some">
              <input type="checkbox" checked={chosen.includes(name)} onChange={(event) => turn(name, event.currentTarget.checked)} />
              {setting.name === "enabled_channels" ? (CHANNELS[name] ?? name) : name}
              {isMissing(name) && <span class="soft"> (not available yet)</span>}
            </label>
          ))}
        {wrong && (
          <p class="hint no" role="alert">
            {wrong}
          </p>
        )}
      </fieldset>
    );
  }
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(props) =>
        kind.kind === "one" ? (
          <select {...props} class="in" value={String(value ?? "")} onChange={(event) => onChange(event.currentTarget.value || null)}>
            <option value="">Default: {usual}</option>
            {kind.of.map((name) => (
              <option key={name} value={name}>
                {PROVIDERS[name] ?? name}
              </option>
            ))}
          </select>
        ) : kind.kind === "lines" ? (
          <textarea
            {...props}
            class="in"
            rows={4}
            spellcheck={false}
            placeholder={`Default: ${usual}`}
            value={Array.isArray(value) ? value.join("\n") : ""}
            onInput={(event) => onChange(event.currentTarget.value.trim() ? event.currentTarget.value.split("\n") : null)}
          />
        ) : kind.kind === "long" ? (
          <textarea {...props} class="in" rows={4} placeholder={`Default: ${usual}`} value={String(value ?? "")} onInput={(event) => onChange(event.currentTarget.value || null)} />
        ) : (
          <input
            {...props}
            class="in"
            inputMode={kind.kind === "number" ? "numeric" : "text"}
            autocomplete="off"
            spellcheck={false}
            placeholder={`Default: ${usual}`}
            value={String(value ?? "")}
            onInput={(event) => {
              const typed = event.currentTarget.value;
              const text = typed.trim();
              // What is no number goes as it is, and the router says what it takes.
              onChange(text === "" ? null : kind.kind === "number" && /^\d{1,15}$/.test(text) ? Number(text) : typed);
            }}
          />
        )
      }
    </Field>
  );
}
