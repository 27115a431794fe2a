// What the dashboard shows, as it stands in the address: view, period, order. A link to it shows the same to another
// admin; back and forward go through it.
import { computed, signal } from "@preact/signals";
import { dayOfMonth, type Day } from "../figures/days";
import { type Sorting, read, written } from "../figures/sort";
import { keep, kept } from "../common/storage";

const query = signal(new URLSearchParams(location.search));
addEventListener("popstate", () => (query.value = new URLSearchParams(location.search)));

export const at = (name: string): string | null => query.value.get(name);

/** The address with some of it changed; null takes a part away. */
export function addressWith(changes: Record<string, string | null>): string {
  const changed = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  const text = changed.toString();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

export function go(changes: Record<string, string | null>): void {
  const address = addressWith(changes);
  if (address === location.pathname + location.search) return;
  history.pushState(null, "", address);
  query.value = new URLSearchParams(location.search);
}

/** A click that is meant for this tab is taken here; with Ctrl, Shift or another button the browser opens the link. */
export function follow(event: MouseEvent, changes: Record<string, string | null>): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(changes);
}

export const RANGES = [["today", "Today"], ["7", "7 days"], ["30", "30 days"], ["month", "Month"], ["90", "90 days"]] as const;
export type Range = (typeof RANGES)[number][0];
const isRange = (text: string | null): text is Range => RANGES.some(([range]) => range === text);

// What one chose last holds where the address says nothing; it is not written into it, or a link would no longer mean
// what its reader is used to.
const RANGE = "t3nets.dashboard.range";
const usual = signal<string | null>(kept(RANGE));

export const range = computed<Range>(() => {
  const asked = at("range");
  return isRange(asked) ? asked : isRange(usual.value) ? usual.value : "30";
});

export function chooseRange(wanted: Range): void {
  go({ range: wanted });
  keep(RANGE, wanted);
}

/** How many days a period has that ends today. */
export function daysOf(wanted: Range, today: Day): number {
  return wanted === "today" ? 1 : wanted === "month" ? dayOfMonth(today) : Number(wanted);
}

/** The order of a table, under a name of its own in the address. */
export function sorting(name: string, columns: readonly { id: string }[], otherwise: Sorting) {
  return {
    sorting: read(at(name), columns.map((column) => column.id), otherwise),
    onSort: (wanted: Sorting) => go({ [name]: written(wanted) }),
  };
}

/** One of some words in the address. */
export function oneOf<T extends string>(name: string, words: readonly T[], otherwise: T): T {
  const found = at(name) as T;
  return words.includes(found) ? found : otherwise;
}
