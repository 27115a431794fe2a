// What the ledger tells, and what the dashboard makes of it.
import type { Budget } from "../common/api";
import type { Series } from "../figures/bars";
import { MOST_SERIES } from "../figures/bars";
import { type Day, dayOfMonth, lastOfMonth, share } from "../figures/days";

export interface Counts {
  messages?: number;
  /** Of an older router there are only messages. */
  turns?: number;
  failed?: number;
  refusals?: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  priced_cost_usd: number;
  unpriced_tokens: number;
  estimated_tokens: number;
}

export type OfDay = Counts & { day: Day };

export interface Group {
  id: string | null;
  label: string;
  state: "current" | "former" | "none" | "not_attributed";
}

export interface Usage {
  days: OfDay[];
  total: Counts;
  /** Of an administrator's: the team's, and those of people and keys that are nearly used up. */
  budgets?: Budget[];
}

export interface GroupedUsage extends Usage {
  by: By;
  groups: (Group & Counts)[];
  rows: (Group & OfDay)[];
}

export interface Limits {
  messages_per_day: number;
  messages_today: number;
  resets_at: string;
  max_tokens_per_message: number;
  /** That hold for the reader. */
  budgets?: Budget[];
}

export const BYS = ["route", "model", "user", "key"] as const;
export type By = (typeof BYS)[number];

export const MEASURES = {
  turns: "Turns",
  tokens: "Tokens",
  cost: "Cost",
  refusals: "Refused",
} as const;
export type Measure = keyof typeof MEASURES;

export const turns = (of: Counts) => of.turns ?? of.messages ?? 0;
export const tokens = (of: Counts) => of.input_tokens + of.output_tokens;
export const notAnswered = (of: Counts) => (of.failed ?? 0) + (of.refusals ?? 0);

export function measured(measure: Measure, of: Counts): number | null {
  if (measure === "turns") return turns(of);
  if (measure === "tokens") return tokens(of);
  return measure === "cost" ? of.cost_usd : (of.refusals ?? 0);
}

const NOTHING: Counts = { turns: 0, failed: 0, refusals: 0, messages: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0, priced_cost_usd: 0, unpriced_tokens: 0, estimated_tokens: 0 };

/** Together; one unknown cost makes the sum unknown. */
export function summed(all: readonly Counts[]): Counts {
  return all.reduce(
    (sum, of) => ({
      messages: (sum.messages ?? 0) + (of.messages ?? 0),
      turns: turns(sum) + turns(of),
      failed: (sum.failed ?? 0) + (of.failed ?? 0),
      refusals: (sum.refusals ?? 0) + (of.refusals ?? 0),
      input_tokens: sum.input_tokens + of.input_tokens,
      output_tokens: sum.output_tokens + of.output_tokens,
      cost_usd: sum.cost_usd === null || of.cost_usd === null ? null : sum.cost_usd + of.cost_usd,
      priced_cost_usd: sum.priced_cost_usd + of.priced_cost_usd,
      unpriced_tokens: sum.unpriced_tokens + of.unpriced_tokens,
      estimated_tokens: sum.estimated_tokens + of.estimated_tokens,
    }),
    { ...NOTHING },
  );
}

/** Each of the days, also those on which nothing was used: the ledger leaves them out. */
export function eachDay(found: readonly OfDay[], days: readonly Day[]): OfDay[] {
  const of = new Map(found.map((day) => [day.day, day]));
  return days.map((day) => of.get(day) ?? { ...NOTHING, day });
}

/** What a group is called: a turn that was meant for a model where none is set up was worded by a template. */
export function labelOf(group: Group & Counts): string {
  if (group.id === "offline" || (group.id === "ai" && turns(group) > 0 && tokens(group) === 0)) return "no model";
  return group.label;
}

const keyOf = (group: Group) => `${group.state} ${group.id}`;
/** Routes keep their colours, whichever was used most. */
const ROUTES = ["rule", "ai", "conversational"];

/** The groups as series of a chart: the largest ones, and the others as one. */
export function seriesOf(usage: GroupedUsage, days: readonly Day[], measure: Measure): Series[] {
  const place = new Map(days.map((day, index) => [day, index]));
  const values = new Map<string, (number | null)[]>();
  for (const row of usage.rows) {
    const index = place.get(row.day);
    if (index === undefined) continue;
    const key = keyOf(row);
    if (!values.has(key)) values.set(key, days.map(() => 0));
    values.get(key)![index] = measured(measure, row);
  }
  const size = (values: readonly (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const isEmpty = (values: readonly (number | null)[]) => values.every((value) => value === 0);
  let series: Series[] = usage.groups.flatMap((group) => {
    const of = values.get(keyOf(group));
    return of && !isEmpty(of) ? [{ id: keyOf(group), label: group.state === "former" ? `${group.label} (former)` : labelOf(group), values: of }] : [];
  });
  if (usage.by === "route") {
    const rank = (of: Series) => {
      const place = ROUTES.indexOf(of.id.split(" ")[1]!);
      return place < 0 ? ROUTES.length : place;
    };
    series = series.sort((one, other) => rank(one) - rank(other));
  } else {
    series = series.sort((one, other) => size(other.values) - size(one.values));
  }
  if (series.length <= MOST_SERIES) return series;
  const shown = series.slice(0, MOST_SERIES - 1);
  const rest = series.slice(MOST_SERIES - 1);
  const add = (index: number) => rest.reduce<number | null>((sum, of) => (sum === null || of.values[index] === null ? null : sum + of.values[index]!), 0);
  return [...shown, { id: "others", label: `${rest.length} others`, values: days.map((_, index) => add(index)) }];
}

/** The last day on which each group was used. */
export function lastUse(usage: GroupedUsage): Map<string, Day> {
  const last = new Map<string, Day>();
  for (const row of usage.rows) if (turns(row) > 0 || (row.refusals ?? 0) > 0) last.set(keyOf(row), row.day);
  return last;
}
export { keyOf };

/** What the month will cost if it goes on as it began; null while too little of it is over, or a cost is not known. */
export function monthsCost(days: readonly OfDay[], today: Day, now = Date.now()): { sofar: number; by: Day; projected: number | null } | null {
  const month = days.filter((of) => of.day.slice(0, 7) === today.slice(0, 7));
  const sofar = summed(month).cost_usd;
  if (sofar === null) return null;
  const over = dayOfMonth(today) - 1 + share(today, now);
  const last = lastOfMonth(today);
  return { sofar, by: last, projected: over < 1 ? null : (sofar / over) * dayOfMonth(last) };
}
