// A table that can be sorted and saved. It scrolls in a box of its own, so that a page is never wider than a phone.
import type { ComponentChildren } from "preact";
import { type Cell, download } from "./csv";
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
}

export function SortedTable<Row>({ name, columns, rows, keyOf, sorting, onSort }: Props<Row>) {
  const by = columns.find((column) => column.id === sorting.column) ?? columns[0]!;
  const order = (column: Column<Row>) => (column !== by ? "none" : sorting.descending ? "descending" : "ascending");
  const turn = (column: Column<Row>) => {
    // A column of numbers is looked at from the top first.
    const descending = column === by ? !sorting.descending : (column.isNumber ?? false);
    onSort({ column: column.id, descending });
  };
  const kind = (column: Column<Row>) => (column.isNumber ? "n" : column.isLong ? "w" : column.isActions ? "actions" : undefined);
  return (
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
                <td key={column.id} class={kind(column)}>
                  {column.show ? column.show(row) : column.value(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function SaveAsCsv<Row>({ file, columns, rows }: { file: string; columns: readonly Column<Row>[]; rows: readonly Row[] | (() => readonly Row[]) }) {
  const saved = columns.filter((column) => !column.isActions);
  const all = () => (typeof rows === "function" ? rows() : rows);
  const save = () => download(file, [saved.map((column) => column.label), ...all().map((row) => saved.map((column) => column.value(row)))]);
  return (
    <button type="button" class="textual" onClick={save} disabled={typeof rows !== "function" && rows.length === 0}>
      Save as CSV
    </button>
  );
}
