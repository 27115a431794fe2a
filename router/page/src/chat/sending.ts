// Asking: a question, again, otherwise; and stopping. What was in the box shows as a question at once, and is in
// the box again if the router does not take it.
import { batch } from "@preact/signals";
import { ApiError, NoNetwork, call, idempotencyKey } from "../common/api";
import { beginAnew, current, loadAll, named, refresh, track } from "./conversations";
import { giveBack, keepSent } from "./drafts";
import { settle, take } from "./following";
import { Conversation, Turn, type TurnHead } from "./model";
import { address, tell } from "./sessions";
import { explained } from "../common/note";
import { say } from "./announce";

interface Branch {
  session_id: string;
  messages: number;
}

/** A page that is still there after that was not left. */
const LEAVING_MS = 1000;
let isLeaving = false;
addEventListener("beforeunload", () => {
  isLeaving = true;
  setTimeout(() => (isLeaving = false), LEAVING_MS);
});

interface Otherwise {
  /** The turn whose place the question takes. */
  instead: Turn;
  /** What begins there, if the rest of the conversation stays as it is. */
  version?: { branch: Branch; into: Conversation };
  /** The same once more. */
  again: () => void;
}

/** Asks, and gives the turn once the router has taken it. The question shows at once; what is refused is in the box again. Twice at once is once. */
export async function send(conversation: Conversation, message: string, otherwise?: Otherwise): Promise<Turn | null> {
  if (conversation.isSending.peek() || conversation.running || message.trim() === "") return null;
  if (conversation.phase.peek() === "missing") beginAnew(conversation);
  const turn = new Turn(message);
  turn.isFresh = true;
  turn.isSending.value = true;
  const branch = otherwise?.version?.branch;
  turn.versionOf = branch?.session_id;
  const into = otherwise?.version?.into ?? conversation;
  batch(() => {
    conversation.isSending.value = true;
    conversation.isStopWanted.value = false;
    conversation.refusal.value = null;
    conversation.pending.value = { turn, instead: otherwise?.instead, isVersion: branch !== undefined };
  });
  const content = JSON.stringify([message, branch ?? null]);
  // After an answer that got lost the same question has the same key: it is one turn.
  const key = conversation.attempts.get(content) ?? idempotencyKey();
  conversation.attempts.set(content, key);
  const id = conversation.id.peek();
  if (!otherwise) keepSent(id, message);
  try {
    const head = await call<TurnHead>("POST", "/api/turns", {
      asked: true,
      headers: { "idempotency-key": key },
      body: { message, ...(branch ? { branch } : id ? { session_id: id, seen: conversation.seen } : {}) },
    });
    conversation.attempts.delete(content);
    keepSent(id, "");
    turn.id = head.id;
    batch(() => {
      turn.isSending.value = false;
      if (into.id.peek() !== head.session_id) named(into, head.session_id);
      conversation.pending.value = null;
      if (otherwise && !branch) conversation.remove(otherwise.instead);
      into.add(turn);
    });
    tell({ session: head.session_id });
    if (conversation.isStopWanted.peek()) void stop(into);
    // Where its key was seen already, it may be over.
    else if (head.state !== "running") await track(into, turn);
    else void track(into, turn);
    return turn;
  } catch (error) {
    // The router refused it: sent again it is another attempt. Where nothing (or a proxy) answered it may be taken.
    if (error instanceof ApiError && error.status < 500) conversation.attempts.delete(content);
    // A browser that leaves the page ends its requests: the page that comes next has the question in its box.
    if (isLeaving) await new Promise((done) => setTimeout(done, LEAVING_MS));
    conversation.isSending.value = false;
    // One that was stopped meanwhile is given back already.
    if (conversation.pending.peek()?.turn === turn) refused(conversation, turn, error, otherwise);
    return null;
  } finally {
    conversation.isSending.value = false;
    conversation.isStopWanted.value = false;
  }
}

function refused(conversation: Conversation, turn: Turn, error: unknown, otherwise: Otherwise | undefined): void {
  batch(() => {
    conversation.pending.value = null;
    if (!otherwise && !giveBack(conversation, turn.question)) {
      // Something else stands in the box: it waits above, with Retry and Edit.
      turn.isSending.value = false;
      turn.isFresh = false;
      turn.fail(error instanceof Error ? error : new NoNetwork());
      conversation.add(turn);
    } else if (!(error instanceof ApiError && error.status === 401)) {
      // (The dialog for signing in says enough.)
      conversation.refusal.value = { error, again: otherwise?.again };
    }
  });
  say(`Not sent. ${explained(error).what}`);
  if (error instanceof ApiError && (error.code === "conversation_moved_on" || error.code === "turn_under_way")) void refresh(conversation);
}

const STOP_TRIES = 4;

/** Stops what is being answered. What came stays. */
export async function stop(conversation: Conversation): Promise<void> {
  const turn = conversation.running;
  if (!turn) {
    if (conversation.isSending.peek() && !conversation.isStopWanted.peek()) takeBack(conversation);
    return;
  }
  turn.stopping.abort();
  turn.stored = 2;
  turn.end("stopped");
  say("Stopped");
  for (let tries = 0; tries < STOP_TRIES; tries++) {
    try {
      const told = await call<Parameters<typeof take>[1]>("DELETE", `/api/turns/${turn.id}`, { asked: true });
      // It was over before it could be stopped.
      if (told.state !== "stopped" && told.state !== "running") settle(turn, told.state, told.answer, told.error);
      break;
    } catch (error) {
      if (!(error instanceof NoNetwork)) break;
      await new Promise((done) => setTimeout(done, 500 * 2 ** tries));
    }
  }
  // The follower is gone: what it would have done at the end.
  await track(conversation, turn);
}

/** The router has not answered yet: stopped as soon as it has. Its text is in the box again at once, unless one typed on. */
function takeBack(conversation: Conversation): void {
  const { turn, instead } = conversation.pending.peek()!;
  batch(() => {
    conversation.isStopWanted.value = true;
    if (instead || giveBack(conversation, turn.question)) conversation.pending.value = null;
  });
  say("Stopping");
}

/** Asks a turn's question again, or another in its place. What is stored stays as it is: a new conversation begins with what was before it. */
export async function askInstead(conversation: Conversation, turn: Turn, message: string): Promise<boolean> {
  if (conversation.running || conversation.isSending.peek()) return false;
  const again = () => void askInstead(conversation, turn, message);
  const isLast = conversation.turns.peek().at(-1) === turn;
  if (turn.stored === 0 && (isLast || turn.id === undefined)) {
    // Nothing of it was stored: it goes on where it was, and takes the failed one's place.
    return (await send(conversation, message, { instead: turn, again })) !== null;
  }
  await loadAll(conversation);
  const before = conversation.turns.peek();
  const kept = before.slice(0, before.indexOf(turn)).filter((each) => each.stored > 0);
  const id = conversation.id.peek()!;
  const into = new Conversation();
  into.turns.value = kept.map(copied);
  const taken = await send(conversation, message, { instead: turn, again, version: { branch: { session_id: id, messages: conversation.before(turn) }, into } });
  if (!taken) return false;
  if (current.peek() === conversation) {
    history.pushState(null, "", address(into.id.peek()!));
    current.value = into;
  }
  return true;
}

function copied(turn: Turn): Turn {
  const copy = new Turn(turn.question);
  copy.replace(turn.text.peek());
  copy.details.value = turn.details.peek();
  copy.stored = turn.stored;
  copy.state.value = turn.state.peek();
  return copy;
}
