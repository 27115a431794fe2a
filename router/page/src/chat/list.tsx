// The conversations at the side, by day. Only the rows that show are in the page, however many there are.
import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { withNextFrame } from "../common/drawing";
import { Icon } from "../common/icons";
import { Menu } from "../common/menu";
import { me, ownName } from "../common/session";
import { isMac, sideOpen } from "../common/shell";
import { address, deleteSession, forgetList, group, hasList, listState, live, loadList, sessions, title, today, type Session } from "./sessions";

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

/** As letters are compared: Ü is found by u, and STRASSE by straße not. */
const folded = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

interface ListProps {
  /** The conversation that shows. */
  id: string | null;
  /** Opens one without loading the page; a link to it otherwise. */
  onOpen?: (sessionId: string) => void;
  onDeleted?: (sessionId: string) => void;
}

/** The list on pages that show no conversation: it loads itself, and its rows are links. */
export function ListOfLinks(): JSX.Element {
  const owner = ownName.value;
  useEffect(() => {
    forgetList();
    void loadList();
  }, [owner]);
  return <ConversationList id={null} />;
}

export function ConversationList({ id, onOpen, onDeleted }: ListProps): JSX.Element | null {
  const search = useRef<HTMLInputElement>(null);
  const [wanted, setWanted] = useState("");
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
  const known = sessions.value;
  const sought = folded(wanted.trim());
  const all = useMemo(() => (sought ? known.filter((session) => folded(title(session)).includes(sought)) : known), [known, sought]);
  const midnight = today.value;
  const rows = useMemo(() => rowsOf(all, midnight, height), [all, midnight, height]);
  const total = rows.length === 0 ? 0 : rows.at(-1)!.top + rows.at(-1)!.height;
  const from = Math.max(0, rowAt(rows, view.top) - MARGIN);
  const to = Math.min(rows.length, Math.min(rowAt(rows, view.top + view.height) + MARGIN, from + 98));
  const shown = rows.slice(from, to);
  // The row with the focus stays, wherever one scrolls.
  const kept = focused.current ? rows.find((row) => row.key === focused.current) : undefined;
  if (kept && !shown.includes(kept)) shown.push(kept);
  const had = focused.current;
  useLayoutEffect(() => {
    // An element that is moved in the document loses the focus.
    if (had && document.activeElement === document.body) box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(had)}"]`)?.focus({ preventScroll: true });
  });
  useEffect(() => setWanted(""), [me.value?.user?.user_id]);
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      // On a phone's width it is behind the menu.
      sideOpen.value = matchMedia("(max-width: 760px)").matches;
      withNextFrame(() => search.current?.select());
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  if (!has) return null;

  const go = (event: MouseEvent, session: Session) => {
    if (!onOpen || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    sideOpen.value = false;
    onOpen(session.session_id);
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
    withNextFrame(() => element.querySelector<HTMLElement>(`[data-row="${CSS.escape(row.key)}"]`)?.focus({ preventScroll: true }));
  };
  const type = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const first = rows.find((row) => row.session);
    if (event.key === "Escape" && wanted) setWanted("");
    else if (event.key === "Escape") document.querySelector<HTMLElement>(".box textarea")?.focus();
    else if (event.key === "Enter" && wanted) box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(first?.key ?? "")}"]`)?.click();
    else if (event.key === "ArrowDown") box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(first?.key ?? "")}"]`)?.focus();
    else return;
    // Esc is for the search alone: an answer that comes is not stopped by it.
    event.preventDefault();
    event.stopPropagation();
  };
  const remove = async (session: Session) => {
    if (await deleteSession(session.session_id, title(session))) onDeleted?.(session.session_id);
  };
  return (
    <>
      {known.length > 0 && (
        <label class="search">
          <Icon name="search" />
          <span class="hidden">Search conversations</span>
          <input
            ref={search}
            type="search"
            placeholder="Search"
            value={wanted}
            autocomplete="off"
            spellcheck={false}
            aria-keyshortcuts="Control+K Meta+K"
            onInput={(event) => {
              setWanted(event.currentTarget.value);
              box.current!.scrollTop = 0;
            }}
            onKeyDown={type}
          />
          {!wanted && <kbd aria-hidden="true">{isMac ? "⌘ K" : "Ctrl K"}</kbd>}
        </label>
      )}
      <nav class="list" aria-label="Conversations" ref={box} onKeyDown={key}>
        <div class="rows" style={{ height: `${total}px` }}>
          {shown.map((row) =>
            row.head ? (
              <h2 key={row.key} class="at" style={{ top: `${row.top}px` }}>
                {row.head}
              </h2>
            ) : (
              <Fragment key={row.key}>
                <a
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
                <Menu class="at" style={{ top: `${row.top}px`, height: `${row.height}px` }} label={`More: ${title(row.session!)}`} items={[{ label: "Delete", icon: "trash", pick: () => void remove(row.session!) }]} />
              </Fragment>
            ),
          )}
        </div>
        {rows.length === 0 && listState.value === "ready" && <p class="none">{sought ? "No conversation has that in its title." : "Your conversations will appear here."}</p>}
        {listState.value === "failed" && (
          <p class="none">
            The conversations could not be loaded. <button type="button" onClick={() => void loadList()}>Try again</button>
          </p>
        )}
      </nav>
    </>
  );
}
