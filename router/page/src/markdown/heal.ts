// An answer that is still coming may end inside a mark: `**bol`, `[text](https://exa`, the head of a table.
// Here its end is made whole, so that no stray mark shows; once it is complete nothing is changed.

/** A last line that is nothing yet: the beginning of a list, a line, a fence, a number. */
const BEGINNING = /(^|\n)[ \t>]*(?:[-*+=_~`|#>]+|\d{1,9}[.)]?|[-*+]\s*\[[ xX]?\]?)[ \t]*$/;

export function healed(source: string): string {
  const text = source.replace(/&[#A-Za-z0-9]{0,32}$/, "").replace(/\\$/, "");
  const fence = openFence(text);
  if (fence !== null) {
    // The closing fence comes mark by mark.
    return text.replace(/\n[ \t]*[`~]{1,2}$/, (line) => (line.trim()[0] === fence ? "" : line));
  }
  const whole = text.replace(BEGINNING, "$1");
  const rows = /(?:^|\n)(\|[^\n]*(?:\n\|[^\n]*)*)\n?$/.exec(whole)?.[1];
  if (rows !== undefined && isHead(rows)) return whole.slice(0, whole.lastIndexOf(rows)) + tableOf(rows);
  const start = lastBlock(whole);
  return whole.slice(0, start) + healedInline(whole.slice(start));
}

/** Whether these rows are a table's head, and maybe the beginning of the line below it. */
function isHead(rows: string): boolean {
  const [head, line, ...body] = rows.split("\n");
  return head !== undefined && body.length === 0 && (line === undefined || (/^\|[ \t:|-]*$/.test(line) && cells(line) < cells(head)));
}

const cells = (row: string) => row.replace(/^\||\|[ \t]*$/g, "").split("|").length;

/** The mark of a fence that is open at the end. */
function openFence(text: string): string | null {
  let open: { mark: string; length: number } | null = null;
  for (const line of text.split("\n")) {
    const found = /^ {0,3}(?:(?:[-*+]|\d+[.)])\s+)*\s*(`{3,}|~{3,})(.*)$/.exec(line);
    if (!found) continue;
    const mark = found[1]![0]!;
    if (!open) {
      if (mark === "~" || !found[2]!.includes("`")) open = { mark, length: found[1]!.length };
    } else if (mark === open.mark && found[1]!.length >= open.length && found[2]!.trim() === "") {
      open = null;
    }
  }
  return open?.mark ?? null;
}

/** Where the last paragraph, item, row or heading begins: inline marks do not reach over it. */
function lastBlock(text: string): number {
  let start = 0;
  const begins = /(?:^|\n)(?:[ \t]*\n|(?=[ \t]*(?:[-*+]|\d{1,9}[.)]|#{1,6}|>|\|)(?:[ \t]|(?<=\|))))/g;
  for (const found of text.matchAll(begins)) start = found.index + found[0].length;
  return start;
}

function tableOf(block: string): string {
  const head = block.split("\n")[0]!.replace(/[ \t]+$/, "");
  const parts = head.replace(/^\|/, "").replace(/\|$/, "").split("|");
  return `|${parts.map((part) => healedInline(part)).join("|")}|\n|${parts.map(() => "---").join("|")}|\n`;
}

/** Closes or takes away what is open at the end of a piece of inline text. */
export function healedInline(text: string): string {
  const open: string[] = [];
  let out = "";
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const char = text[at]!;
    if (char === "\\") {
      out += text.slice(at, at + 2);
      at += 2;
      continue;
    }
    if (char === "`") {
      const run = /^`+/.exec(rest)![0];
      const end = closingTicks(text, at + run.length, run);
      if (end < 0) {
        const inside = text.slice(at + run.length).replace(/`+$/, "");
        return inside.trim() ? `${out}${run}${inside}${run}${closed(open)}` : finish(out, open);
      }
      out += text.slice(at, end);
      at = end;
      continue;
    }
    if (char === "[" || (char === "!" && text[at + 1] === "[")) {
      const link = /^!?\[((?:[^[\]\\]|\\.)*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"]*")?\)/.exec(rest);
      if (link) {
        out += link[0];
        at += link[0].length;
        continue;
      }
      const half = /^!?\[((?:[^[\]\\]|\\.)*)(?:\](?:\([^)\n]*)?)?$/.exec(rest);
      if (half) return `${out}${healedInline(half[1]!)}${closed(open)}`;
      out += char;
      at += 1;
      continue;
    }
    if (rest === "~") return finish(out, open);
    const run = /^(\*{1,3}|_{1,3}|~~)/.exec(rest)?.[0];
    if (!run) {
      out += char;
      at += 1;
      continue;
    }
    const before = text[at - 1] ?? " ";
    const after = text[at + run.length];
    if (after === undefined && !(/\S/.test(before) && open.includes(run))) {
      // Marks at the very end: of an opening one nothing shows; a closing one may be half of it.
      return finish(out, open);
    }
    const isOpener = after !== undefined && /\S/.test(after) && (run[0] !== "_" || !/\w/.test(before));
    const isCloser = /\S/.test(before) && open.at(-1) === run;
    out += run;
    at += run.length;
    if (isCloser) open.pop();
    else if (isOpener) open.push(run);
  }
  return finish(out, open);
}

function closingTicks(text: string, from: number, run: string): number {
  for (const found of text.slice(from).matchAll(/`+/g)) if (found[0].length === run.length) return from + found.index + run.length;
  return -1;
}

const closed = (open: string[]) => [...open].reverse().join("");

/** Marks close at a word, not at a space. */
function finish(out: string, open: string[]): string {
  if (open.length === 0) return out;
  const end = /\s*$/.exec(out)![0];
  return out.slice(0, out.length - end.length) + closed(open) + end;
}
