// The order of a table's rows.
import type { Cell } from "./csv";

export interface Sorting {
  column: string;
  descending: boolean;
}

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** Which of two instants (RFC 3339) is earlier, to their last digit: a `Date` ends at milliseconds, and as words `.7Z` stands before `.65Z`. */
function instants(one: string, other: string): number | null {
  const [a, b] = [INSTANT.exec(one), INSTANT.exec(other)];
  if (!a || !b) return null;
  const seconds = Date.parse(a[1]! + a[3]!) - Date.parse(b[1]! + b[3]!);
  if (seconds !== 0) return seconds;
  const [c, d] = [a[2] ?? "", b[2] ?? ""];
  const digits = Math.max(c.length, d.length);
  return c.padEnd(digits, "0") < d.padEnd(digits, "0") ? -1 : c.padEnd(digits, "0") > d.padEnd(digits, "0") ? 1 : 0;
}

function compared(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [one, other] = [String(a), String(b)];
  return instants(one, other) ?? words.compare(one, other);
}

/** Rows in the order of a value. Equal ones stay as they were, also downwards; what is not known comes last both ways. */
export function sorted<Row>(rows: readonly Row[], value: (row: Row) => Cell, descending: boolean): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * compared(a, b);
  });
}

/** As it stands in the address: `tokens`, or `-tokens` downwards. */
export const written = ({ column, descending }: Sorting) => `${descending ? "-" : ""}${column}`;

export function read(text: string | null, columns: readonly string[], otherwise: Sorting): Sorting {
  const column = text?.replace(/^-/, "") ?? "";
  return columns.includes(column) ? { column, descending: text!.startsWith("-") } : otherwise;
}
