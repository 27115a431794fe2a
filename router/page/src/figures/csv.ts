// Tables as CSV (RFC 4180). A spreadsheet takes a cell that begins with = + - @ tab or CR for a formula, which somebody's
// display name must not become (https://owasp.org/www-community/attacks/CSV_Injection): such a text gets an apostrophe.

export type Cell = string | number | null;

const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

export function cell(value: Cell): string {
  if (value === null) return "";
  // A number stays what it is, so that a column can be summed up. No exponent: some spreadsheets take it for text.
  if (typeof value === "number") return value.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 20 });
  const text = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return /[",\n\r\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** With a byte order mark, without which Excel takes UTF-8 for the system's old encoding. */
export const csv = (rows: readonly (readonly Cell[])[]) => `\uFEFF${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

export function download(name: string, rows: readonly (readonly Cell[])[]) {
  const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
