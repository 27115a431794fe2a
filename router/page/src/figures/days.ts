// Days of the ledger. They are UTC, wherever the reader sits, and are kept as the text that the API sends: a `Date` of
// the reader's zone would move them by one in Los Angeles or Auckland.

/** `2026-11-26`, in UTC. */
export type Day = string;

const DAY_MS = 86_400_000;
const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
const short = format({ day: "numeric", month: "short" });
const long = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

const instant = (day: Day) => Date.parse(`${day}T00:00:00Z`);
const dayOf = (ms: number): Day => new Date(ms).toISOString().slice(0, 10);

export const today = (now = Date.now()): Day => dayOf(now);
export const plus = (day: Day, days: number): Day => dayOf(instant(day) + days * DAY_MS);

/** So many days in a row, the last of which is `end`. */
export function daysUntil(end: Day, count: number): Day[] {
  return Array.from({ length: count }, (_, index) => plus(end, index - count + 1));
}

/** `26 Nov`. */
export const dayLabel = (day: Day) => short.format(instant(day));

/** `Thursday, 26 November 2026 (UTC)`: where a day stands alone, it says whose day it is. */
export const wholeDayLabel = (day: Day) => `${long.format(instant(day))} (UTC)`;

export const dayOfMonth = (day: Day) => Number(day.slice(8));

export function lastOfMonth(day: Day): Day {
  const [year, month] = day.split("-").map(Number);
  return dayOf(Date.UTC(year!, month!, 0));
}

/** How much of a day has passed, 0 to 1. */
export const share = (day: Day, now = Date.now()) => Math.min(1, Math.max(0, (now - instant(day)) / DAY_MS));

/** A moment in the reader's own zone, `26 Nov, 15:04`; with its year where that is another. */
export function moment(at: string, now = new Date()): string {
  const then = new Date(at);
  const year = then.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const };
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...year, hour: "2-digit", minute: "2-digit" }).format(then);
}

/** A moment to the second, with its year: `26 Nov 2026, 15:04:05`. */
export const exactly = (at: string) => new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));

/** Only the time of it. */
export const clock = (at: string) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(Date.parse(at));

/** The reader's zone, `Europe/Berlin`. */
export const zone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
