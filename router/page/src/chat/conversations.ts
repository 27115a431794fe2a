// Which conversation shows, by the page's address; opening, loading upward, and what other tabs do.
import { batch, computed, signal } from "@preact/signals";
import { ApiError, get, withQuery } from "../common/api";
import { me, signingIn } from "../common/session";
import { markdownReady } from "../common/shell";
import { follow, settle } from "./following";
import { Conversation, Turn, turnsOf, type Message, type TurnHead } from "./model";
import { address, forgetList, listNew, loadList, mark, onTold, refreshLive, refreshNewest, sessions, title, titleOf, touch } from "./sessions";

/** Messages that are loaded at once. */
const PAGE = 50;
const MOST = 200;

interface History {
  messages: Message[];
  next?: string;
}

const idOfAddress = (): string | null => {
  const found = /^\/c\/([^/]+)$/.exec(location.pathname);
  if (!found) return null;
  try {
    return decodeURIComponent(found[1]!);
  } catch {
    return null;
  }
};

export const current = signal<Conversation>(new Conversation(idOfAddress()));
/** Those that were opened: a turn goes on in one that is not shown. */
const opened = new Map<string, Conversation>();
/** How many are kept beside the one that shows, unless they are being answered. */
const KEPT = 12;

export const currentTitle = computed(() => {
  const { id, shown } = current.value;
  const listed = sessions.value.find((session) => session.session_id === id.value);
  return listed ? title(listed) : (titleOf(shown.value[0]?.question ?? "") || (id.value ? "Conversation" : "New chat"));
});

/** Begins with what the address says, once it is known who asks. */
export function begin(): void {
  forgetList();
  opened.clear();
  if (!me.peek()?.user && idOfAddress()) {
    // A link to somebody's conversation: it is found by whoever it belongs to.
    signingIn.value = true;
    current.value = new Conversation();
    return;
  }
  current.value = new Conversation(idOfAddress());
  if (current.value.id.value) void load(current.value);
  void loadList();
  if (me.peek()?.user) void refreshLive();
}

/** Leaves nothing on the page of who was here. */
export function forget(): void {
  forgetList();
  for (const conversation of opened.values()) for (const turn of conversation.turns.peek()) turn.stopping.abort();
  opened.clear();
  current.value = new Conversation(idOfAddress());
}

function show(conversation: Conversation): void {
  current.value = conversation;
}

export function newChat(): void {
  if (location.pathname !== "/") history.pushState(null, "", "/");
  show(new Conversation());
}

export function open(sessionId: string, push = true): void {
  if (push && location.pathname !== address(sessionId)) history.pushState(null, "", address(sessionId));
  if (current.peek().id.peek() === sessionId) return;
  const known = opened.get(sessionId);
  if (known && known.phase.peek() === "ready") {
    show(known);
    void refresh(known);
    return;
  }
  const conversation = new Conversation(sessionId);
  keepOpen(conversation);
  show(conversation);
  void load(conversation, true);
}

function keepOpen(conversation: Conversation): void {
  opened.set(conversation.id.peek()!, conversation);
  for (const [id, each] of opened) {
    if (opened.size <= KEPT) break;
    if (each !== current.peek() && !each.isBusy) opened.delete(id);
  }
}

/** What is asked where no conversation was found begins one, with an address of its own. */
export function beginAnew(conversation: Conversation): void {
  opened.delete(conversation.id.peek()!);
  if (current.peek() === conversation) history.replaceState(null, "", "/");
  batch(() => {
    conversation.id.value = null;
    conversation.phase.value = "ready";
  });
}

/** A new conversation has got its id. */
export function named(conversation: Conversation, sessionId: string): void {
  conversation.id.value = sessionId;
  keepOpen(conversation);
  // Who is not signed in has no history to find it in again.
  if (current.peek() === conversation && me.peek()?.user) history.replaceState(null, "", address(sessionId));
}

addEventListener("popstate", () => {
  const id = idOfAddress();
  if (id) open(id, false);
  else show(new Conversation());
});

const historyOf = (sessionId: string, limit: number, after?: string, asked = false) => get<History>(withQuery("/api/history", { session_id: sessionId, limit, after }), undefined, asked);
const turnsOfSession = async (sessionId: string, asked = false) => (await get<{ turns: TurnHead[] }>(withQuery("/api/turns", { session_id: sessionId }), undefined, asked)).turns;

/** Loads the newest page and what is being answered; `asked` where somebody opened it just now. The turns are asked for first: one that ends between the two calls is then in the history. */
export async function load(conversation: Conversation, asked = false): Promise<void> {
  const id = conversation.id.peek()!;
  keepOpen(conversation);
  conversation.phase.value = "loading";
  // A conversation shows as it stays: not as text first.
  const readable = markdownReady();
  try {
    const heads = await turnsOfSession(id, asked);
    let page: History = { messages: [] };
    try {
      page = await historyOf(id, PAGE, undefined, asked);
    } catch (error) {
      const isNew = error instanceof ApiError && error.status === 404 && heads.length > 0;
      if (!isNew) throw error;
    }
    await readable;
    conversation.turns.value = turnsOf(page.messages);
    conversation.older.value = page.next;
    conversation.seen = page.messages.at(-1)?.at ?? null;
    for (const head of heads) adopt(conversation, head, page.messages.at(-1));
    conversation.phase.value = "ready";
  } catch (error) {
    conversation.error.value = error;
    conversation.phase.value = error instanceof ApiError && error.status === 404 ? "missing" : "failed";
  }
}

/** A turn that another tab, or this page before it was loaded anew, has begun. */
function adopt(conversation: Conversation, head: TurnHead, newest: Message | undefined): void {
  if (conversation.turns.peek().some((turn) => turn.id === head.id)) return;
  // The history has it already, or went on since.
  if (newest?.at && Date.parse(newest.at) >= Date.parse(head.started_at)) return;
  if (head.state === "done" || (head.state === "stopped" && newest)) return;
  const turn = new Turn(head.message);
  turn.id = head.id;
  conversation.add(turn);
  if (head.state === "broken_off") settle(turn, "broken_off");
  else track(conversation, turn);
}

/** Follows a turn to its end, whatever shows meanwhile. */
export async function track(conversation: Conversation, turn: Turn): Promise<void> {
  const id = conversation.id.peek()!;
  mark(id, true);
  listNew({ session_id: id, message: turn.question });
  await follow(turn, () => conversation.id.peek());
  mark(id, false);
  if (turn.stored > 0) touch(id);
  void refreshNewest();
  if (turn.stored > 0) await see(conversation);
}

/** Learns the time of the newest message, by which a later question says what it was asked on. */
async function see(conversation: Conversation): Promise<void> {
  if (!me.peek()?.user) return;
  conversation.seen = null;
  try {
    const { messages } = await historyOf(conversation.id.peek()!, 1);
    const newest = messages.at(-1);
    if (conversation.running) return;
    conversation.seen = newest?.at ?? null;
    const turn = conversation.turns.peek().at(-1);
    if (turn?.stored === 2 && newest?.role === "assistant" && newest.details) turn.details.value = newest.details;
  } catch {
    // Then the next question is not checked against what other tabs wrote.
  }
}

/** What came since, by another tab or another device. */
export async function refresh(conversation: Conversation): Promise<void> {
  const id = conversation.id.peek();
  if (!id || !me.peek()?.user || conversation.phase.peek() !== "ready" || conversation.running || conversation.isSending.peek()) return;
  try {
    const heads = await turnsOfSession(id);
    const { messages } = await historyOf(id, PAGE);
    if (conversation.running || conversation.isSending.peek()) return;
    const seen = conversation.seen;
    if (seen) {
      const more = turnsOf(messages.filter((message) => message.at && Date.parse(message.at) > Date.parse(seen)));
      if (more.length > 0) conversation.turns.value = [...conversation.turns.peek(), ...more];
      conversation.seen = messages.at(-1)?.at ?? seen;
    }
    for (const head of heads) if (head.state === "running") adopt(conversation, head, messages.at(-1));
  } catch {
    // What shows stays; sending says what is wrong.
  }
}

/** The page of history before what is loaded. */
export async function loadOlder(conversation: Conversation, limit = PAGE): Promise<void> {
  const after = conversation.older.peek();
  if (!after || conversation.isLoadingOlder.peek()) return;
  conversation.isLoadingOlder.value = true;
  try {
    const page = await historyOf(conversation.id.peek()!, limit, after);
    const more = turnsOf(page.messages);
    const shown = conversation.turns.peek();
    // A page may end between a question and its answer.
    const first = shown[0];
    const tail = more.at(-1);
    if (first && tail && first.question === "" && tail.stored === 1) {
      tail.replace(first.text.peek());
      tail.details.value = first.details.peek();
      tail.stored = 2;
      conversation.turns.value = [...more, ...shown.slice(1)];
    } else {
      conversation.turns.value = [...more, ...shown];
    }
    conversation.older.value = page.next;
  } finally {
    conversation.isLoadingOlder.value = false;
  }
}

/** All of the history: before it is known how many messages stand before one of them. */
export async function loadAll(conversation: Conversation): Promise<void> {
  while (conversation.older.peek()) await loadOlder(conversation, MOST);
}

/** One that was deleted is left. */
export function leave(sessionId: string): void {
  opened.delete(sessionId);
  if (current.peek().id.peek() === sessionId) newChat();
}

onTold(({ session }) => {
  void refreshNewest();
  if (me.peek()?.user) void refreshLive();
  const conversation = opened.get(session);
  if (conversation) void refresh(conversation);
});

// What another device did shows when one comes back.
addEventListener("focus", () => {
  if (!me.peek()?.user) return;
  void loadList();
  void refreshLive();
  void refresh(current.peek());
});
