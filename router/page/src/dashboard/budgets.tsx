// How much of each budget is used.
import { useState } from "preact/hooks";
import { type Budget, percent, withQuery } from "../common/api";
import { UNITS, amount } from "../common/names";
import { Meter } from "../figures/small";
import { clock, moment } from "../figures/days";
import { compact, cost, count } from "../figures/numbers";
import { type Loaded, Panel, useLoad } from "./load";
import { type GroupedUsage } from "./usage";

/** So many show; a button shows the others. */
const SHOWN = 12;

/** Those that the panel shows: the team's messages of the day have a card of their own. */
const shown = (budgets: readonly Budget[] | undefined) => (budgets ?? []).filter(({ name }) => name !== "messages_per_day");
/** The team's come as they are set, of people and keys those first of which the least is left. */
const rank = (budget: Budget) => (budget.payer === "tenant" ? Infinity : percent(budget));

interface Props<T> {
  load: Loaded<T>;
  of: (value: T) => readonly Budget[] | undefined;
  whose: (budget: Budget) => string;
}

/** Absent where no budget is set. */
export function Budgets<T>({ load, of, whose }: Props<T>) {
  const [isWhole, setWhole] = useState(false);
  if (load.value === undefined || shown(of(load.value)).length === 0) return null;
  return (
    <Panel title="Budgets" class="w4" load={load}>
      {(value) => {
        const all = shown(of(value)).sort((one, other) => (rank(one) === rank(other) ? 0 : rank(other) - rank(one)));
        const few = isWhole ? all : all.slice(0, SHOWN);
        return (
          <>
            <ul class="spending">
              {few.map((budget) => (
                <One key={`${budget.name} ${budget.of}`} budget={budget} whose={whose(budget)} />
              ))}
            </ul>
            {few.length < all.length && (
              <div class="more">
                <button type="button" class="btn small" onClick={() => setWhole(true)}>
                  Show all {count(all.length)}
                </button>
              </div>
            )}
          </>
        );
      }}
    </Panel>
  );
}

function One({ budget, whose }: { budget: Budget; whose: string }) {
  const { unit, period, used, limit, resets_at } = budget;
  const title = `${UNITS[unit]} ${period === "day" ? "today" : "this month"}`;
  const text = unit === "usd" ? `${cost(used)} of ${amount(unit, limit)}` : `${compact(used)} of ${compact(limit)}`;
  return (
    <li>
      <div class="of">
        <b>{title}</b>
        {budget.is_warning && <span class="tag warn">{used >= limit ? "used up" : "nearly used up"}</span>}
      </div>
      <div class="of">
        <span class="cut" title={whose}>{whose}</span> <span>{text}</span>
      </div>
      <Meter name={`${title}, ${whose}`} value={used} of={limit} text={text} />
      <div class="sub">
        {count(percent(budget))}% used, resets {period === "day" ? `at ${clock(resets_at)}` : moment(resets_at)}
      </div>
    </li>
  );
}

/** The names of the people and keys whose budgets are nearly used up: who used something is among the month's groups. */
export function useNames(budgets: readonly Budget[] | undefined): (budget: Budget) => string {
  const asked = (by: "user" | "key") => (budgets?.some(({ payer }) => payer === by) ? withQuery("/api/admin/usage", { days: 31, by }) : null);
  const loads = { user: useLoad<GroupedUsage>(asked("user")), key: useLoad<GroupedUsage>(asked("key")) };
  return ({ payer, of }) => {
    if (payer === "tenant") return "The whole team";
    const groups = loads[payer].value?.groups?.filter(({ id }) => id === of) ?? [];
    const label = (groups.find(({ state }) => state === "current") ?? groups[0])?.label || of || "";
    return payer === "key" ? `Key ${label}` : label;
  };
}

/** As who reads their own use knows them. */
export const ownBudget = ({ payer }: Budget): string => ({ tenant: "Your team", user: "You", key: "This key" })[payer];
