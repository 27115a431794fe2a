// Follows a turn to its end: by an event stream where the way to the router streams, by long polls where it
// does not. A connection that breaks is made anew from the byte that came last; only the router ends a turn.
import { effect } from "@preact/signals";
import { ApiError, NoNetwork, get, request, withQuery } from "../common/api";
import type { ErrorDetail } from "../common/api";
import { absent, arrivals, me } from "../common/session";
import { detailsOf, type Answer, type Message, type Turn, type TurnHead, type TurnState } from "./model";
import { events } from "./sse";
import { firstOf } from "./warnings";

/** A stream says `start` at once. One that is silent for so long is kept back by what stands before the router. */
const SILENT_MS = 4_000;
/** Comments come every 15 s: a stream without any has broken and nobody said so. */
const STALLED_MS = 45_000;
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];

let streams = true;

interface Progress extends TurnHead {
  text: string;
  next: number;
  tools?: string[];
  answer?: Answer;
  error?: ErrorDetail;
}

export async function follow(turn: Turn, sessionId: () => string | null): Promise<void> {
  const signal = turn.stopping.signal;
  let failures = 0;
  while (turn.state.peek() === "running" && !signal.aborted) {
    const before = turn.received;
    try {
      await (streams ? stream(turn, signal) : poll(turn, signal));
      turn.isReconnecting.value = false;
      failures = turn.received > before ? 0 : failures;
      // A stream that just ended: go on from the last byte, not too fast where nothing comes.
      if (turn.state.peek() === "running" && streams) await pause(PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)]!, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError) {
        if (error.status === 404) return lost(turn, sessionId());
        if (error.status === 401 && me.peek()?.user) {
          turn.isReconnecting.value = true;
          await arrival(signal);
          continue;
        }
        if (error.status < 500 && error.status !== 429 && error.status !== 408) return turn.fail(error);
      }
      turn.flush();
      turn.isReconnecting.value = true;
      await pause(PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)]!, signal);
    }
  }
}

/** Waits; the network's return ends it early. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

/** Until somebody is signed in (again). */
function arrival(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const came = arrivals.peek();
    let stop = () => {};
    const end = () => {
      stop();
      done();
    };
    signal.addEventListener("abort", end);
    stop = effect(() => {
      if (absent.value === null || arrivals.value !== came) queueMicrotask(end);
    });
  });
}

async function stream(turn: Turn, signal: AbortSignal): Promise<void> {
  const silence = new AbortController();
  let limit = setTimeout(() => ((streams = false), silence.abort()), SILENT_MS);
  const heard = () => {
    clearTimeout(limit);
    limit = setTimeout(() => silence.abort(), STALLED_MS);
  };
  const stop = () => silence.abort();
  signal.addEventListener("abort", stop);
  try {
    const path = withQuery(`/api/turns/${turn.id}`, { after: turn.received || undefined });
    const response = await request("GET", path, { headers: { accept: "text/event-stream" }, signal: silence.signal });
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
      streams = false;
      take(turn, (await response.json()) as Progress);
      return;
    }
    for await (const { event, data, id } of events(response.body, heard)) {
      turn.isReconnecting.value = false;
      told(turn, event, JSON.parse(data), id);
      if (turn.state.peek() !== "running") return;
    }
    turn.isReconnecting.value = turn.state.peek() === "running";
  } catch (error) {
    if (silence.signal.aborted && !signal.aborted) {
      // Without an answer at all, it may be the network just as well: say so only if polling fails too.
      if (!streams) return;
      throw new NoNetwork();
    }
    throw error;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", stop);
  }
}

function told(turn: Turn, event: string, data: unknown, id: string | undefined): void {
  if (event === "delta") {
    turn.append((data as { text: string }).text);
    turn.received = Number(id ?? turn.received);
  } else if (event === "tool") {
    used(turn, [(data as { name: string }).name]);
  } else if (event === "done") {
    done(turn, data as Answer);
  } else if (event === "failed") {
    turn.fail((data as { error: ErrorDetail }).error);
  } else if (event === "stopped" || event === "broken_off") {
    end(turn, event);
  }
}

const used = (turn: Turn, names: string[]) => {
  const before = turn.tools.peek();
  const more = names.filter((name) => !before.includes(name));
  if (more.length > 0) turn.tools.value = [...before, ...more];
};

function done(turn: Turn, answer: Answer): void {
  turn.replace(answer.text);
  // How long it took is what the history says, to those who have one: it is the same after a reload.
  const { timing_ms, ...rest } = detailsOf(answer);
  turn.details.value = me.peek()?.user || timing_ms === undefined ? rest : { ...rest, timing_ms };
  const fresh = firstOf(answer.budget_warnings ?? [], answer.session_id, turn.versionOf);
  if (fresh.length > 0) turn.warnings.value = fresh;
  turn.stored = 2;
  turn.end("done");
}

function end(turn: Turn, state: "stopped" | "broken_off"): void {
  // A turn that was stopped is kept as far as it went; of one that broke off nothing is.
  turn.stored = state === "stopped" ? 2 : 0;
  turn.end(state);
}

async function poll(turn: Turn, signal: AbortSignal): Promise<void> {
  take(turn, await get<Progress>(withQuery(`/api/turns/${turn.id}`, { after: turn.received || undefined }), signal));
}

/** What a poll, or stopping, says of a turn. */
export function take(turn: Turn, progress: Progress): void {
  turn.isReconnecting.value = false;
  used(turn, progress.tools ?? []);
  if (progress.text) turn.append(progress.text);
  turn.received = progress.next ?? turn.received;
  settle(turn, progress.state, progress.answer, progress.error);
}

export function settle(turn: Turn, state: TurnState, answer?: Answer, error?: ErrorDetail): void {
  if (state === "done" && answer) done(turn, answer);
  else if (state === "failed") turn.fail(error ?? { code: "failed", message: "the answer failed" });
  else if (state === "stopped" || state === "broken_off") end(turn, state);
}

/** The router knows the turn no more: the history says whether it was answered. */
async function lost(turn: Turn, sessionId: string | null): Promise<void> {
  let messages: Message[] = [];
  try {
    if (sessionId) messages = (await get<{ messages: Message[] }>(withQuery("/api/history", { session_id: sessionId, limit: 2 }))).messages;
  } catch {
    // Then it is not known to be there.
  }
  const [question, answer] = messages.slice(-2);
  if (question?.content === turn.question && answer?.role === "assistant") {
    turn.replace(answer.content);
    turn.details.value = answer.details ?? null;
    turn.stored = 2;
    turn.end(answer.details?.stopped ? "stopped" : "done");
  } else {
    end(turn, "broken_off");
  }
}
