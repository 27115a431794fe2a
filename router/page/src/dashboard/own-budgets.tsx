// Budgets of one person or one API key: what is used of each, and limits that are theirs alone.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useAction } from "../common/action";
import { type Budget } from "../common/api";
import { Dialog } from "../common/dialog";
import { LABELS, PERIODS, type Period, UNITS, type Unit, amount } from "../common/names";
import { ErrorNote } from "../common/note";
import { clock, moment } from "../figures/days";
import { compact, cost } from "../figures/numbers";
import { Meter } from "../figures/small";
import { ActionForm, wrongWith } from "./form";
import { Waiting, send, useLoad } from "./load";
import type { Usage } from "./usage";

/** By name (`usd_per_day`): a number, or that there is no limit. */
export type Own = Record<string, number | "unlimited">;

interface OfOne {
  name: string;
  unit: Unit;
  period: Period;
  own: unknown;
  everyones: number | null;
  limit: number | null;
  used: number;
  is_warning: boolean;
  resets_at: string;
}

const NAMES = PERIODS.flatMap((period) => (Object.keys(UNITS) as Unit[]).map((unit) => ({ name: `${unit}_per_${period}`, unit, period })));
/** A limit with its unit, short where it is large: the digits of millions say nothing. */
const most = (unit: Unit, limit: number) => (unit === "usd" || limit < 10_000 ? amount(unit, limit) : `${compact(limit)} ${unit}`);
const amountUsed = (unit: Unit, used: number) => (unit === "usd" ? cost(used) : compact(used));
const state = (used: number, limit: number) => (used >= limit ? "used up" : "nearly used up");

/** What is told of the budgets of a row: one's own, and those of everyone's that are nearly used up. */
interface Told {
  name: string;
  text: string;
  warning?: string;
}

function told(own: Own | undefined, standings: readonly Budget[]): Told[] {
  return NAMES.flatMap(({ name, unit, period }): Told[] => {
    const limit = own?.[name];
    const now = standings.find((of) => of.unit === unit && of.period === period && (of.is_own ?? false) === (limit !== undefined));
    const warning = now?.is_warning ? { warning: state(now.used, now.limit) } : {};
    if (limit === "unlimited") return [{ name, text: `${LABELS[name]}: no limit` }];
    if (typeof limit === "number") return [{ name, text: `${amountUsed(unit, now?.used ?? 0)} of ${most(unit, limit)} a ${period}`, ...warning }];
    return now?.is_warning ? [{ name, text: `${amountUsed(unit, now.used)} of ${most(unit, now.limit)} a ${period}`, ...warning }] : [];
  });
}

/** What a list tells of each row's budgets; nothing until it is known how much is used. */
export function useToldOf(payer: "user" | "key") {
  const usage = useLoad<Usage>("/api/admin/usage?days=1");
  const standings = (usage.value?.budgets ?? []).filter((budget) => budget.payer === payer);
  const of = (id: string, own: Own | undefined) => (usage.value ? told(own, standings.filter((budget) => budget.of === id)) : []);
  return { of, reload: usage.reload };
}

export const textOf = (all: readonly Told[]) => all.map(({ text, warning }) => (warning ? `${text} (${warning})` : text)).join("; ") || null;

export function ToldBudgets({ all }: { all: readonly Told[] }) {
  if (all.length === 0) return null;
  return (
    <ul class="told" aria-label="Budgets">
      {all.map(({ name, text, warning }) => (
        <li key={name}>
          {text}
          {warning && <span class="tag warn beside">{warning}</span>}
        </li>
      ))}
    </ul>
  );
}

interface Props {
  /** Whom they are for: "Mei Tanaka". */
  title: string;
  payer: "user" | "key";
  /** Where the API has them. */
  path: string;
  onClose: () => void;
  onDone: (said: string) => void;
}

const SAYS = {
  user: "Limits for this person alone, in place of everyone’s.",
  key: "Limits for this key alone, in place of every key’s. The limits of its user hold, too.",
};

export function OwnBudgets({ title, payer, path, onClose, onDone }: Props) {
  const load = useLoad<{ budgets: OfOne[] }>(`${path}/budgets`);
  const [times, setTimes] = useState(0);
  const again = () => {
    setTimes(times + 1);
    load.reload();
  };
  const budgets = load.value?.budgets;
  return (
    <Dialog title={`Budgets of ${title}`} onClose={onClose} wide>
      <p class="says">{SAYS[payer]} Days and months end at midnight UTC.</p>
      {load.error !== undefined && <ErrorNote error={load.error} onAgain={again} busy={load.busy} />}
      {budgets ? (
        // What is stored is another: what was chosen by what it was before has to be looked at again.
        <Form key={`${times} ${JSON.stringify(budgets.map(({ own }) => own))}`} {...{ title, payer, path, budgets, onClose, onDone }} onAgain={again} />
      ) : (
        load.busy && <Waiting lines={6} />
      )}
    </Dialog>
  );
}

interface Choice {
  kind: "everyones" | "most" | "unlimited";
  typed: string;
}

const chosen = ({ own }: OfOne): Choice => ({ kind: typeof own === "number" ? "most" : own === "unlimited" ? "unlimited" : "everyones", typed: typeof own === "number" ? String(own) : "" });

/** As it is sent: what is no number goes as it is, and the router says what it takes. */
function valueOf({ kind, typed }: Choice, unit: Unit): number | string | null {
  if (kind !== "most") return kind === "unlimited" ? "unlimited" : null;
  const text = typed.trim().replace(/^\$\s*/, "");
  const number = unit === "usd" ? /^(\d{1,15}\.?\d*|\.\d+)$/ : /^\d{1,15}$/;
  return number.test(text) ? Number(text) : text;
}

function Form({ title, payer, path, budgets, onClose, onDone, onAgain }: Props & { budgets: readonly OfOne[]; onAgain: () => void }) {
  const [choices, setChoices] = useState<Record<string, Choice>>({});
  const form = useRef<HTMLFormElement>(null);
  const action = useAction();
  const of = (budget: OfOne) => choices[budget.name] ?? chosen(budget);
  const changed = budgets.filter((budget) => (valueOf(of(budget), budget.unit) ?? null) !== (budget.own ?? null));
  const empty = (budget: OfOne) => action.error === EMPTY && of(budget).kind === "most" && of(budget).typed.trim() === "";
  const wrong = (budget: OfOne) => (empty(budget) ? "Enter a number." : wrongWith(action.error, budget.name));
  useEffect(() => {
    if (action.error) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [action.error]);
  const save = () =>
    action.run(async () => {
      if (changed.some((budget) => valueOf(of(budget), budget.unit) === "")) throw EMPTY;
      await send("PATCH", path, {
        budgets: Object.fromEntries(changed.map((budget) => [budget.name, valueOf(of(budget), budget.unit)])),
        budgets_seen: Object.fromEntries(changed.map((budget) => [budget.name, budget.own])),
      });
      onDone(`The budgets of ${title} were changed`);
    });
  return (
    <ActionForm
      form={form}
      action={action}
      error={action.error === EMPTY ? null : action.error}
      fields={budgets.map(({ name }) => name)}
      onCurrent={onAgain}
      changed="Somebody else changed these budgets in the meantime. Nothing was saved."
      onSubmit={save}
      says="Save"
      busySays="Saving…"
      isReady={changed.length > 0}
      onCancel={onClose}
      noValidate
    >
      <div class="own-budgets">
        {NAMES.map(({ name }) => {
          const budget = budgets.find((of) => of.name === name);
          return budget && <One key={name} {...{ budget, payer }} choice={of(budget)} wrong={wrong(budget)} onChange={(choice) => setChoices({ ...choices, [name]: choice })} />;
        })}
      </div>
    </ActionForm>
  );
}

/** A field for a number has none: nothing is sent. */
const EMPTY = new Error("no number");

interface OneProps {
  budget: OfOne;
  payer: "user" | "key";
  choice: Choice;
  wrong: string | undefined;
  onChange: (choice: Choice) => void;
}

function One({ budget, payer, choice, wrong, onChange }: OneProps) {
  const id = useId();
  const { name, unit, period, everyones, limit, used, resets_at } = budget;
  const label = LABELS[name] ?? name;
  const text = limit === null ? `${amountUsed(unit, used)} used ${period === "day" ? "today" : "this month"}` : `${amountUsed(unit, used)} of ${most(unit, limit)} used`;
  return (
    <div class={`field ${period}`}>
      <label for={id}>{label}</label>
      <div class="limit">
        <select id={id} class="in" value={choice.kind} aria-describedby={`${id}-used`} onChange={(event) => onChange({ ...choice, kind: event.currentTarget.value as Choice["kind"] })}>
          <option value="everyones">
            {payer === "user" ? "Same as everyone" : "Same as every key"}: {everyones === null ? "no limit" : unit === "usd" ? amount(unit, everyones) : compact(everyones)}
          </option>
          <option value="most">At most</option>
          <option value="unlimited">No limit</option>
        </select>
        {choice.kind === "most" && (
          <input
            class="in"
            aria-label={`${label}, at most`}
            aria-describedby={wrong && `${id}-wrong`}
            aria-invalid={wrong !== undefined}
            inputMode={unit === "usd" ? "decimal" : "numeric"}
            autocomplete="off"
            spellcheck={false}
            placeholder={unit === "usd" ? "2.50" : "100"}
            value={choice.typed}
            onInput={(event) => onChange({ ...choice, typed: event.currentTarget.value })}
          />
        )}
      </div>
      {wrong && (
        <p id={`${id}-wrong`} class="hint no" role="alert">
          {wrong}
        </p>
      )}
      {limit !== null && <Meter name={`${label}, used`} value={used} of={limit} text={text} />}
      <p id={`${id}-used`} class="hint">
        {text}
        {limit !== null && `, resets ${period === "day" ? `at ${clock(resets_at)}` : moment(resets_at)}`}
        {budget.is_warning && <span class="tag warn beside">{state(used, limit!)}</span>}
      </p>
    </div>
  );
}
