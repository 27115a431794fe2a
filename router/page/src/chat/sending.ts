// Asking: a question, again, otherwise; and stopping. What is in the box leaves it when the router has taken
// the question, and never before.
import { ApiError, NoNetwork, call, idempotencyKey } from "../common/api";
import { current, loadAll, named, refresh, tell, track } from "./conversations";
import { settle, take } from "./following";
import { Conversation, Turn, type TurnHead } from "./model";
import { explained } from "../common/note";
import { say } from "./announce";

interface Branch {
  session_id: string;
  messages: number;
}

/** Asks; true once the router has taken it. Twice at once is once. */
export async function send(conversation: Conversation, message: string, branch?: Branch): Promise<Turn | null> {
  if (conversation.isSending.peek() || conversation.running || message.trim() === "") return null;
  conversation.isSending.value = true;
  conversation.isStopWanted = false;
  conversation.refusal.value = null;
  const content = JSON.stringify([message, branch ?? null]);
  // After an answer that got lost the same question has the same key: it is one turn.
  const attempt = conversation.attempt?.content === content ? conversation.attempt : { content, key: idempotencyKey() };
  conversation.attempt = attempt;
  const id = conversation.id.peek();
  try {
    const head = await call<TurnHead>("POST", "/api/turns", {
      headers: { "idempotency-key": attempt.key },
      body: { message, ...(branch ? { branch } : id ? { session_id: id, seen: conversation.seen } : {}) },
    });
    conversation.attempt = null;
    const turn = new Turn(message);
    turn.id = head.id;
    turn.isFresh = true;
    if (conversation.id.peek() !== head.session_id) named(conversation, head.session_id);
    conversation.add(turn);
    tell({ session: head.session_id });
    if (conversation.isStopWanted) void stop(conversation);
    else if (head.state !== "running") await catchUp(conversation, turn);
    else void track(conversation, turn);
    return turn;
  } catch (error) {
    // The router refused it: sent again it is another attempt. Where nothing (or a proxy) answered it may be taken.
    if (error instanceof ApiError && error.status < 500) conversation.attempt = null;
    refused(conversation, error);
    return null;
  } finally {
    conversation.isSending.value = false;
  }
}

/** The key was seen already, and the turn is over. */
async function catchUp(conversation: Conversation, turn: Turn): Promise<void> {
  await track(conversation, turn);
}

function refused(conversation: Conversation, error: unknown): void {
  // The dialog for signing in says enough.
  if (error instanceof ApiError && error.status === 401) return;
  conversation.refusal.value = error;
  say(`Not sent. ${explained(error).what}`);
  if (error instanceof ApiError && (error.code === "conversation_moved_on" || error.code === "turn_under_way")) {
    conversation.isSending.value = false;
    void refresh(conversation);
  }
}

const STOP_TRIES = 4;

/** Stops what is being answered. What came stays. */
export async function stop(conversation: Conversation): Promise<void> {
  const turn = conversation.running;
  if (!turn) {
    // The router has not answered yet: stopped as soon as it has.
    if (conversation.isSending.peek()) conversation.isStopWanted = true;
    return;
  }
  turn.stopping.abort();
  turn.stored = 2;
  turn.end("stopped");
  say("Stopped");
  for (let tries = 0; tries < STOP_TRIES; tries++) {
    try {
      const told = await call<Parameters<typeof take>[1]>("DELETE", `/api/turns/${turn.id}`);
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

/** Asks a turn's question again, or another in its place. What is stored stays as it is: a new conversation begins with what was before it. */
export async function askInstead(conversation: Conversation, turn: Turn, message: string): Promise<boolean> {
  if (conversation.running || conversation.isSending.peek()) return false;
  const isLast = conversation.turns.peek().at(-1) === turn;
  if (turn.stored === 0 && isLast) {
    // Nothing of it was stored: it goes on where it was, and takes the failed one's place.
    const taken = await send(conversation, message);
    if (taken) conversation.remove(turn);
    return taken !== null;
  }
  await loadAll(conversation);
  const before = conversation.turns.peek();
  const kept = before.slice(0, before.indexOf(turn)).filter((each) => each.stored > 0);
  const id = conversation.id.peek()!;
  const version = new Conversation();
  version.turns.value = kept.map(copied);
  version.versionOf.value = id;
  const taken = await send(version, message, { session_id: id, messages: conversation.before(turn) });
  if (!taken) {
    conversation.refusal.value = version.refusal.peek();
    return false;
  }
  if (current.peek() === conversation) {
    history.pushState(null, "", `/c/${encodeURIComponent(version.id.peek()!)}`);
    current.value = version;
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
