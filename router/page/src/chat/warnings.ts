// Budgets that are nearly used up: each is said once in a conversation, below the answer that came first.
import { type Budget, percent } from "../common/api";
import { amount } from "../common/names";

/** Of which budgets a conversation knows, while the page lives: what its history shows says nothing of them. */
const known = new Map<string, Set<string>>();

/** Those that the conversation did not warn of yet, nor the one that it is another version of. */
export function firstOf(budgets: readonly Budget[], conversation: string, versionOf: string | undefined): Budget[] {
  const before = known.get(conversation) ?? new Set(versionOf === undefined ? [] : known.get(versionOf));
  known.set(conversation, before);
  // In another month it is another matter.
  const keyOf = ({ name, resets_at }: Budget) => `${name} ${resets_at}`;
  const first = budgets.filter((budget) => !before.has(keyOf(budget)));
  for (const budget of first) before.add(keyOf(budget));
  return first;
}

const WHOSE = { tenant: "your team’s", user: "your", key: "this key’s" };

/** `82% of your team’s budget of $50 for this month is used. It resets on 1 December.` */
export function warning(budget: Budget): string {
  const used = percent(budget);
  const what = `${WHOSE[budget.payer]} budget of ${amount(budget.unit, budget.limit)} for ${budget.period === "day" ? "today" : "this month"} is used`;
  const at = new Date(budget.resets_at);
  return `${used < 100 ? `${used}%` : "All"} of ${what}. It resets ${budget.period === "day" ? `at ${timeOf(at)}` : `on ${dayOf(at)}`}.`;
}

/** As the reader writes them, in their zone. */
export const timeOf = (at: Date, more: Intl.DateTimeFormatOptions = {}): string => at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...more });
export const dayOf = (at: Date, more: Intl.DateTimeFormatOptions = {}): string => at.toLocaleDateString(undefined, { day: "numeric", month: "long", ...more });
