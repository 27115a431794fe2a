// A table that can be sorted and saved. It scrolls in a box of its own, so that a page is never wider than a phone; one
// with actions, of which the last column must not be out of sight, becomes a card for each row where there is no room.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { type Cell, download } from "./csv";
import { type Day, today } from "./days";
import { type Sorting, sorted } from "./sort";

export interface Column<Row> {
  id: string;
  label: string;
  /** What the column is sorted and saved by. */
  value: (row: Row) => Cell;
  /** What it shows; its value without. */
  show?: (row: Row) => ComponentChildren;
  isNumber?: boolean;
  /** May break over lines. */
  isLong?: boolean;
  /** Has neither order nor place in a file: buttons. */
  isActions?: boolean;
}

interface Props<Row> {
  name: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
  /** Whether a row is a card where the table is wider than its place. */
  stacks?: boolean;
}

/** A text that is cut off where it is too long, and whole when pointed at. */
const Text = ({ text }: { text: string }) => <span class="cut" title={text}>{text}</span>;

export function SortedTable<Row>({ name, columns, rows, keyOf, sorting, onSort, stacks }: Props<Row>) {
  const by = columns.find((column) => column.id === sorting.column) ?? columns[0]!;
  const order = (column: Column<Row>) => (column !== by ? "none" : sorting.descending ? "descending" : "ascending");
  const turn = (column: Column<Row>) => {
    // A column of numbers is looked at from the top first.
    const descending = column === by ? !sorting.descending : (column.isNumber ?? false);
    onSort({ column: column.id, descending });
  };
  const kind = (column: Column<Row>) => (column.isNumber ? "n" : column.isLong ? "w" : column.isActions ? "actions" : undefined);
  const shown = (column: Column<Row>, row: Row) => {
    if (column.show) return column.show(row);
    const value = column.value(row);
    return typeof value === "string" && !column.isLong ? <Text text={value} /> : value;
  };
  const table = (
    <div class="tablewrap" role="group" aria-label={name} tabIndex={0}>
      <table>
        <caption class="hidden">{name}</caption>
        <thead>
          <tr>
            {columns.map((column) =>
              column.isActions ? (
                <th class="actions" key={column.id}>
                  <span class="hidden">{column.label}</span>
                </th>
              ) : (
                <th key={column.id} scope="col" class={kind(column)} aria-sort={order(column)}>
                  <button type="button" class="sort" onClick={() => turn(column)}>
                    {column.label}
                    <svg class="arrow" viewBox="0 0 10 10" aria-hidden="true">
                      <path d={order(column) === "descending" ? "M2 3.5h6L5 7z" : "M2 6.5h6L5 3z"} />
                    </svg>
                  </button>
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {sorted(rows, by.value, sorting.descending).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.id} class={kind(column)} data-label={column.isActions ? undefined : column.label}>
                  {shown(column, row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
  return stacks ? <div class="stacks">{table}</div> : table;
}

interface SaveProps<Row> {
  /** Its name, before the days. */
  file: string;
  /** The days that it is about; today without. */
  days?: readonly Day[];
  columns: readonly Column<Row>[];
  /** The rows, or what gets them at the click. */
  rows: readonly Row[] | (() => readonly Row[] | Promise<readonly Row[]>);
}

export function SaveAsCsv<Row>({ file, days = [], columns, rows }: SaveProps<Row>) {
  const [busy, setBusy] = useState(false);
  const saved = columns.filter((column) => !column.isActions);
  const save = async () => {
    setBusy(true);
    try {
      const all = typeof rows === "function" ? await rows() : rows;
      const [from, to] = [days[0] ?? today(), days.at(-1) ?? today()];
      download(`${file}-${from === to ? to : `${from}-to-${to}`}.csv`, [saved.map((column) => column.label), ...all.map((row) => saved.map((column) => column.value(row)))]);
    } catch {
      // What could not be loaded is said where it is loaded.
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class="textual" onClick={() => void save()} disabled={busy || (typeof rows !== "function" && rows.length === 0)}>
      {busy ? "Saving…" : "Save as CSV"}
    </button>
  );
}
