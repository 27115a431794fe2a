// The tenant's name, model and limits: a field for each thing that the API says may be set.
import { useState } from "preact/hooks";
import { ApiError } from "../common/api";
import { ErrorNote, Note, sentence, toast } from "../common/note";
import { LABELS } from "../common/names";
import { loadMe } from "../common/session";
import { Field, FormError, Text, wrongWith } from "./form";
import { type Loaded, Panel, send, useAction, useLoad } from "./load";

type Value = string | number | string[] | null;

interface Setting {
  name: string;
  meaning: string;
  rule: string;
  value: Value;
}

export interface TenantSettings {
  tenant_id: string;
  name: string;
  status: string;
  model: { provider: string | null; name: string | null; problem?: string };
  settings?: Setting[];
  version?: number;
}

/** What a rule in words takes: the API says it, so that a new setting has its field here at once. */
export function kindOf({ name, rule }: Setting): { kind: "one" | "some"; of: string[] } | { kind: "number" | "long" | "text" } {
  const one = /^must be one of (.+)$/.exec(rule)?.[1];
  if (one) return { kind: "one", of: one.split(", ") };
  const some = /^must be a list of (.+), separated by commas$/.exec(rule)?.[1];
  if (some) return { kind: "some", of: some.split(", ") };
  if (rule.startsWith("must be a whole number")) return { kind: "number" };
  return { kind: name === "system_prompt_override" ? "long" : "text" };
}

const defaultOf = (meaning: string) => {
  const found = /\[default: (.+)\]$/.exec(meaning)?.[1] ?? "not set";
  return found === "those" ? "the built-in ones" : found;
};

export function Settings() {
  const load = useLoad<TenantSettings>("/api/settings");
  return (
    <Panel title="Settings" class="narrow" load={load} lines={8}>
      {(settings) => <Form key={settings.version} settings={settings} load={load} />}
    </Panel>
  );
}

function Form({ settings, load }: { settings: TenantSettings; load: Loaded<TenantSettings> }) {
  const [name, setName] = useState(settings.name);
  const [values, setValues] = useState<Record<string, Value>>(() => Object.fromEntries((settings.settings ?? []).map((of) => [of.name, of.value])));
  const action = useAction();
  const of = (setting: Setting): Value => values[setting.name] ?? null;
  const set = (setting: Setting, value: Value) => setValues((before) => ({ ...before, [setting.name]: value }));
  const changed = (settings.settings ?? []).filter((setting) => JSON.stringify(of(setting)) !== JSON.stringify(setting.value));
  const hasChanges = changed.length > 0 || name.trim() !== settings.name;
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      const saved = await send<TenantSettings>("PUT", "/api/settings", {
        ...(name.trim() !== settings.name && { name: name.trim() }),
        ...(changed.length > 0 && { settings: Object.fromEntries(changed.map((setting) => [setting.name, of(setting)])) }),
        ...(settings.version !== undefined && { version: settings.version }),
      });
      toast("Saved");
      load.put(saved);
      // The frame shows the tenant's name.
      if (saved.name !== settings.name) void loadMe();
    });
  };
  const fields = ["name", ...(settings.settings ?? []).map((of) => of.name)];
  const isOld = action.error instanceof ApiError && action.error.code === "changed";
  return (
    <form onSubmit={submit} noValidate>
      {settings.model.problem ? (
        <Note kind="bad">No model answers: {sentence(settings.model.problem)}</Note>
      ) : (
        <p class="sub">{settings.model.provider === "offline" ? "No model is set up: answers are made by templates." : `${settings.model.name} answers now, by ${settings.model.provider}.`}</p>
      )}
      <Text label="Name of the team" value={name} onInput={setName} wrong={wrongWith(action.error, "name")} />
      {(settings.settings ?? []).map((setting) => (
        <One key={setting.name} setting={setting} value={of(setting)} onChange={(value) => set(setting, value)} wrong={wrongWith(action.error, setting.name)} />
      ))}
      {isOld ? (
        <ErrorNote
          error={action.error}
          actions={
            <button type="button" onClick={load.reload}>
              Show the current values
            </button>
          }
        />
      ) : (
        <FormError error={action.error} fields={fields} />
      )}
      <div class="buttons">
        <button type="submit" class="btn p" disabled={action.busy || !hasChanges}>
          {action.busy ? "Saving…" : "Save"}
        </button>
      </div>
    </form>
  );
}

function One({ setting, value, onChange, wrong }: { setting: Setting; value: Value; onChange: (value: Value) => void; wrong: string | undefined }) {
  const kind = kindOf(setting);
  const label = LABELS[setting.name] ?? setting.name;
  const usual = defaultOf(setting.meaning);
  // Where one chooses, the choices say what may be.
  const hint = kind.kind === "one" ? undefined : sentence(setting.rule);
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
        {chosen !== null &&
          kind.of.map((name) => (
            <label key={name} class="check in-some">
              <input type="checkbox" checked={chosen.includes(name)} onChange={(event) => turn(name, event.currentTarget.checked)} />
              {name}
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
                {name}
              </option>
            ))}
          </select>
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
              const text = event.currentTarget.value.trim();
              // What is no number goes as it is, and the router says what it takes.
              onChange(text === "" ? null : kind.kind === "number" && /^\d{1,15}$/.test(text) ? Number(text) : text);
            }}
          />
        )
      }
    </Field>
  );
}
