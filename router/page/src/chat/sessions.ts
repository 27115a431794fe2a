// The caller's conversations for the side list, newest first by the router's time, and which of them are being
// answered.
import { signal } from "@preact/signals";
import { call, get, serverNow, withQuery } from "../common/api";
import { confirm } from "../common/dialog";
import { explained, toast } from "../common/note";
import { me } from "../common/session";
import type { TurnHead } from "./model";

export interface Session {
  session_id: string;
  updated_at: string;
  title?: string;
  preview: string;
  /** It has no answer yet: the router lists it once it has one. */
  isNew?: boolean;
}

const PAGE = 100;
const MOST = 200;
/** How often it is asked what is being answered, while something is. */
const WATCH_MS = 5_000;

export const sessions = signal<Session[]>([]);
export const listState = signal<"loading" | "ready" | "failed">("loading");
/** Conversations that are being answered. */
export const live = signal<ReadonlySet<string>>(new Set());
/** The day that it is, as the midnight it began with; changes at midnight. */
export const today = signal(dayOf(serverNow()));

export const address = (sessionId: string): string => `/c/${encodeURIComponent(sessionId)}`;

/** Longer ones were cut by the router. */
const TITLE_CHARS = 80;

/** A question, or the beginning of one, as a title: without the marks of Markdown, on one line. */
export function titleOf(text: string): string {
  const plain = text
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+/gm, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*\*|__|~~|`+/g, "")
    .replace(/(^|\s)[*_](\S(?:[^*_]*\S)?)[*_](?=\s|[.,:;!?]|$)/g, "$1$2")
    .replace(/\s+/g, " ")
    .trim();
  const isCut = [...text.trim()].length >= TITLE_CHARS && !/[….?!]$/.test(plain);
  return isCut ? `${[...plain].slice(0, TITLE_CHARS).join("").replace(/[\s,;:]+$/, "")}…` : plain;
}

export const title = (session: Session): string => titleOf(session.title || session.preview) || "Conversation";

/** The local midnight that a time's day began with. */
export function dayOf(time: number): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

const months = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });

/** Under what a time stands, by the local calendar. */
export function group(time: number, midnight: number): string {
  const day = dayOf(time);
  const before = (days: number) => {
    const date = new Date(midnight);
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days).getTime();
  };
  if (day >= midnight) return "Today";
  if (day >= before(1)) return "Yesterday";
  if (day >= before(7)) return "Previous 7 days";
  if (day >= before(30)) return "Previous 30 days";
  return months.format(time);
}

let midnightTimer = 0;
function watchMidnight(): void {
  const now = serverNow();
  today.value = dayOf(now);
  const date = new Date(now);
  const midnight = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
  clearTimeout(midnightTimer);
  midnightTimer = window.setTimeout(watchMidnight, Math.min(midnight - now + 50, 6 * 3600_000));
}
watchMidnight();
document.addEventListener("visibilitychange", () => !document.hidden && watchMidnight());

const sorted = (all: Session[]) => all.sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));

function merge(known: Session[], more: Session[]): Session[] {
  const byId = new Map(known.map((session) => [session.session_id, session]));
  for (const session of more) byId.set(session.session_id, session);
  return sorted([...byId.values()]);
}

/** Whether this caller has a list at all: anonymous ones have none. */
export const hasList = (): boolean => me.value?.user != null;

interface SessionPage {
  sessions: Session[];
  next?: string;
}

/** Counts what was begun: what an older reading brings is let go. */
let reading = 0;
/** Removed on this page: a reading that began before does not bring it back. */
const removed = new Set<string>();

const isRunningAndNew = (session: Session) => session.isNew === true && live.peek().has(session.session_id);
const show = (all: Session[]) => (sessions.value = all.filter((session) => !removed.has(session.session_id)));

/** All of the list: pages come by id, and the conversation that was used last may have any. */
export async function loadList(): Promise<void> {
  if (!hasList()) return;
  const own = ++reading;
  const found = new Set<string>();
  let after: string | undefined;
  try {
    do {
      const page = await get<SessionPage>(withQuery("/api/sessions", { limit: after ? MOST : PAGE, after }));
      if (own !== reading) return;
      for (const session of page.sessions) found.add(session.session_id);
      show(merge(sessions.peek(), page.sessions));
      listState.value = "ready";
      after = page.next;
    } while (after);
    show(sessions.peek().filter((session) => found.has(session.session_id) || isRunningAndNew(session)));
  } catch {
    if (own === reading && listState.peek() !== "ready") listState.value = "failed";
  }
}

/** The page of those that were begun last again: what else is loaded stays. */
export async function refreshNewest(): Promise<void> {
  if (!hasList()) return;
  if (listState.peek() !== "ready") return loadList();
  const own = reading;
  try {
    const page = await get<SessionPage>(withQuery("/api/sessions", { limit: PAGE }));
    if (own !== reading) return;
    // Ids come from the last on: what is above the page's end and not in it was removed.
    const end = page.next ? page.sessions.at(-1)!.session_id : "";
    const ids = new Set(page.sessions.map((session) => session.session_id));
    const rest = sessions.peek().filter((session) => ids.has(session.session_id) || session.session_id < end || isRunningAndNew(session));
    show(merge(rest, page.sessions));
  } catch {
    // What shows stays; the next answer or visit asks again.
  }
}

/** A conversation that was answered just now: to the top, whenever it began. */
export function touch(sessionId: string): void {
  const session = sessions.peek().find((each) => each.session_id === sessionId);
  if (session) sessions.value = merge(sessions.peek(), [{ ...session, updated_at: new Date(serverNow()).toISOString() }]);
}

const tabs = typeof BroadcastChannel === "function" ? new BroadcastChannel("t3nets.chat") : null;

/** Tells other tabs that a conversation goes on, or is gone. */
export function tell(what: { session: string }): void {
  tabs?.postMessage(what);
}

export function onTold(heard: (what: { session: string }) => void): void {
  tabs?.addEventListener("message", (event: MessageEvent<{ session: string }>) => heard(event.data));
}

/** Deletes one, once somebody says yes; false where they do not, or it did not work. */
export async function deleteSession(id: string, name: string): Promise<boolean> {
  if (!(await confirm({ title: `Delete “${name}”?`, text: "Its questions and answers are deleted for good.", action: "Delete" }))) return false;
  try {
    await call("POST", "/api/clear", { asked: true, body: { session_id: id } });
  } catch (error) {
    toast(`Not deleted. ${explained(error).what}`);
    return false;
  }
  forgetSession(id);
  tell({ session: id });
  return true;
}

function forgetSession(sessionId: string): void {
  removed.add(sessionId);
  show(sessions.peek());
}

let watch = 0;
/** Which conversations are being answered; asked again while some are. */
export async function refreshLive(): Promise<void> {
  clearTimeout(watch);
  watch = 0;
  // The router lists turns, as conversations, of users alone.
  if (!hasList()) return;
  try {
    const { turns } = await get<{ turns: TurnHead[] }>("/api/turns");
    const now = new Set(turns.filter((turn) => turn.state === "running").map((turn) => turn.session_id));
    const ended = [...live.peek()].some((id) => !now.has(id));
    live.value = now;
    for (const turn of turns) if (now.has(turn.session_id)) listNew(turn);
    if (ended) void refreshNewest();
  } catch {
    return;
  }
  if (live.peek().size > 0) watch = window.setTimeout(() => void refreshLive(), WATCH_MS);
}

/** Lists a conversation whose first question is being answered. */
export function listNew(turn: { session_id: string; message: string; started_at?: string }): void {
  if (!hasList() || sessions.peek().some((session) => session.session_id === turn.session_id)) return;
  const updated_at = turn.started_at ?? new Date(serverNow()).toISOString();
  sessions.value = merge(sessions.peek(), [{ session_id: turn.session_id, title: turn.message.slice(0, TITLE_CHARS), preview: "", updated_at, isNew: true }]);
}

export function mark(sessionId: string, isLive: boolean): void {
  const now = new Set(live.peek());
  if (isLive) now.add(sessionId);
  else now.delete(sessionId);
  live.value = now;
  if (isLive && !watch && hasList()) watch = window.setTimeout(() => void refreshLive(), WATCH_MS);
}

export function forgetList(): void {
  sessions.value = [];
  reading++;
  removed.clear();
  live.value = new Set();
  clearTimeout(watch);
  watch = 0;
  listState.value = "loading";
}
