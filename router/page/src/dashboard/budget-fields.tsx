// Budgets among the settings: of the team, of each person, of each key; what they count by how long they last.
import { Fragment } from "preact";
import { useId, useState } from "preact/hooks";
import { PERIODS, UNITS, type Unit } from "../common/names";
import type { Setting, Value } from "./settings";

const GROUPS = [
  ["", "The whole team"],
  ["user_", "Each person"],
  ["key_", "Each API key"],
] as const;

const NAME = /^(user_|key_)?(messages|tokens|usd)_per_(day|month)$/;
export const isBudget = ({ name }: { name: string }) => NAME.test(name);

interface Props {
  /** Those that the API says may be set. */
  settings: readonly Setting[];
  of: (setting: Setting) => Value;
  /** What holds where it is not set. */
  usual: (setting: Setting) => string;
  onChange: (setting: Setting, value: Value) => void;
  wrong: (setting: Setting) => string | undefined;
}

export function BudgetFields({ settings, ...fields }: Props) {
  if (settings.length === 0) return null;
  return (
    <>
      <h3 class="of-budgets">Budgets</h3>
      <p class="hint">Empty: no limit, or the default. A question that might go over a budget is refused until the day or month (UTC) ends; from 80% on, answers say so.</p>
      {GROUPS.map(([payer, label]) => {
        const own = settings.filter(({ name }) => (NAME.exec(name)![1] ?? "") === payer);
        return own.length > 0 && <Group key={payer} label={label} payer={payer} settings={own} {...fields} />;
      })}
      <p class="hint">Dollars need a model with a known price: questions to another are refused. Being signed in to this page counts as no key.</p>
    </>
  );
}

function Group({ label, payer, settings, of, usual, onChange, wrong }: Props & { label: string; payer: string }) {
  const id = useId();
  const found = (unit: Unit, period: string) => settings.find(({ name }) => name === `${payer}${unit}_per_${period}`);
  return (
    <fieldset class="budgets">
      <legend>{label}</legend>
      {PERIODS.map((period) => (
        <span key={period} id={`${id}-${period}`} class={`soft ${period}`}>
          a {period}
        </span>
      ))}
      {(Object.keys(UNITS) as Unit[]).filter((unit) => PERIODS.some((period) => found(unit, period))).map((unit) => (
        <Fragment key={unit}>
          <span id={`${id}-${unit}`} class="unit">
            {UNITS[unit]}
          </span>
          {PERIODS.map((period) => {
            const setting = found(unit, period);
            return setting && <Cell key={setting.name} class={period} labels={`${id}-${unit} ${id}-${period}`} unit={unit} value={of(setting)} usual={usual(setting)} onChange={(value) => onChange(setting, value)} wrong={wrong(setting)} />;
          })}
        </Fragment>
      ))}
    </fieldset>
  );
}

interface CellProps {
  class: string;
  /** The elements that name it: its row's and its column's. */
  labels: string;
  unit: Unit;
  value: Value;
  usual: string;
  onChange: (value: Value) => void;
  wrong: string | undefined;
}

function Cell({ class: kind, labels, unit, value, usual, onChange, wrong }: CellProps) {
  const id = useId();
  // As it is typed: `2.` is on its way to `2.50`.
  const [typed, setTyped] = useState<string>();
  const number = unit === "usd" ? /^(\d{1,15}\.?\d*|\.\d+)$/ : /^\d{1,15}$/;
  return (
    <div class={kind}>
      <input
        class="in"
        aria-labelledby={labels}
        aria-describedby={wrong && id}
        aria-invalid={wrong !== undefined}
        inputMode={unit === "usd" ? "decimal" : "numeric"}
        autocomplete="off"
        spellcheck={false}
        placeholder={usual === "no limit" ? usual : `Default: ${usual}`}
        value={typed ?? String(value ?? "")}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          const text = event.currentTarget.value.trim().replace(/^\$\s*/, "");
          onChange(text === "" ? null : number.test(text) ? Number(text) : text);
        }}
      />
      {wrong && (
        <p id={id} class="hint no" role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}
