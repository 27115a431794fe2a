// The conversations at the side, by day. Only the rows that show are in the page, however many there are.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { sideOpen } from "../common/shell";
import { address, current, open } from "./conversations";
import { group, hasList, listState, live, loadList, sessions, title, today, type Session } from "./sessions";

const MARGIN = 12;
const HEAD = 34;

interface Row {
  key: string;
  top: number;
  height: number;
  head?: string;
  session?: Session;
}

function rowsOf(all: Session[], midnight: number, height: number): Row[] {
  const rows: Row[] = [];
  const heads = new Map<string, string>();
  let top = 0;
  let before = "";
  for (const session of all) {
    // Of a quarter of an hour there is one day, in every zone.
    const quarter = String(Math.floor(Date.parse(session.updated_at) / 900_000));
    let head = heads.get(quarter);
    if (head === undefined) heads.set(quarter, (head = group(Date.parse(session.updated_at), midnight)));
    if (head !== before) {
      rows.push({ key: `day ${head}`, top, height: HEAD, head });
      top += HEAD;
      before = head;
    }
    rows.push({ key: session.session_id, top, height, session });
    top += height;
  }
  return rows;
}

/** The first row that ends below a place. */
function rowAt(rows: Row[], place: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.top + rows[middle]!.height <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function ConversationList(): JSX.Element | null {
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const focused = useRef<string | null>(null);
  const isCoarse = matchMedia("(pointer: coarse)").matches;
  const height = isCoarse ? 44 : 37;
  const has = hasList();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [has]);
  const all = sessions.value;
  const midnight = today.value;
  const rows = useMemo(() => rowsOf(all, midnight, height), [all, midnight, height]);
  const total = rows.length === 0 ? 0 : rows.at(-1)!.top + rows.at(-1)!.height;
  const from = Math.max(0, rowAt(rows, view.top) - MARGIN);
  const to = Math.min(rows.length, Math.min(rowAt(rows, view.top + view.height) + MARGIN, from + 98));
  const shown = rows.slice(from, to);
  // The row with the focus stays, wherever one scrolls.
  const kept = focused.current ? rows.find((row) => row.key === focused.current) : undefined;
  if (kept && !shown.includes(kept)) shown.push(kept);
  const id = current.value.id.value;
  const had = focused.current;
  useLayoutEffect(() => {
    // An element that is moved in the document loses the focus.
    if (had && document.activeElement === document.body) box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(had)}"]`)?.focus({ preventScroll: true });
  });
  if (!has) return null;

  const go = (event: MouseEvent, session: Session) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    sideOpen.value = false;
    open(session.session_id);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const at = rows.findIndex((row) => row.key === focused.current);
    const step = event.key === "ArrowDown" ? 1 : -1;
    let to = at + step;
    while (rows[to] && !rows[to]!.session) to += step;
    const row = rows[to];
    if (at < 0 || !row) return;
    event.preventDefault();
    focused.current = row.key;
    const element = box.current!;
    if (row.top < element.scrollTop) element.scrollTop = row.top - HEAD;
    else if (row.top + row.height > element.scrollTop + element.clientHeight) element.scrollTop = row.top + row.height - element.clientHeight;
    setView({ top: element.scrollTop, height: element.clientHeight });
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-row="${CSS.escape(row.key)}"]`)?.focus({ preventScroll: true }));
  };
  return (
    <nav class="list" aria-label="Conversations" ref={box} onKeyDown={key}>
      <div class="rows" style={{ height: `${total}px` }}>
        {shown.map((row) =>
          row.head ? (
            <h2 key={row.key} class="at" style={{ top: `${row.top}px` }}>
              {row.head}
            </h2>
          ) : (
            <a
              key={row.key}
              data-row={row.key}
              class="at"
              style={{ top: `${row.top}px`, height: `${row.height}px` }}
              href={address(row.session!.session_id)}
              title={title(row.session!)}
              aria-current={row.session!.session_id === id ? "page" : undefined}
              onClick={(event) => go(event, row.session!)}
              onFocus={() => (focused.current = row.key)}
              onBlur={() => (focused.current = null)}
            >
              <span class="t">{title(row.session!)}</span>
              {live.value.has(row.session!.session_id) && (
                <span class="live">
                  <span class="hidden">, being answered</span>
                </span>
              )}
            </a>
          ),
        )}
      </div>
      {rows.length === 0 && listState.value === "ready" && <p class="none">Your conversations will appear here.</p>}
      {listState.value === "failed" && (
        <p class="none">
          The conversations could not be loaded. <button type="button" onClick={() => void loadList()}>Try again</button>
        </p>
      )}
    </nav>
  );
}
