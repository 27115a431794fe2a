// The order of a table's rows.
import type { Cell } from "./csv";

export interface Sorting {
  column: string;
  descending: boolean;
}

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Rows in the order of a value. Equal ones stay as they were, also downwards; what is not known comes last both ways. */
export function sorted<Row>(rows: readonly Row[], value: (row: Row) => Cell, descending: boolean): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b)));
  });
}

/** As it stands in the address: `tokens`, or `-tokens` downwards. */
export const written = ({ column, descending }: Sorting) => `${descending ? "-" : ""}${column}`;

export function read(text: string | null, columns: readonly string[], otherwise: Sorting): Sorting {
  const column = text?.replace(/^-/, "") ?? "";
  return columns.includes(column) ? { column, descending: text!.startsWith("-") } : otherwise;
}
