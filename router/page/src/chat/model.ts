// What the chat shows: conversations of turns. A turn is one question and its answer, and stays the same
// object from its first word to long after its last, so that what is on the screen stays there.
import { batch, computed, signal } from "@preact/signals";
import { ApiError } from "../common/api";
import type { Budget, ErrorDetail } from "../common/api";
import { withNextFrame } from "../common/drawing";

/** How an answer came to be. */
export interface Details {
  route?: string;
  skills?: string[];
  model?: string | null;
  request_id?: string;
  stopped?: boolean;
  usage?: { input_tokens: number; output_tokens: number; cost_usd: number | null };
  timing_ms?: number;
}

export interface Message {
  role: "user" | "assistant";
  content: string;
  at?: string;
  details?: Details;
}

/** The answer of a turn that is done. */
export interface Answer {
  text: string;
  session_id: string;
  route?: string;
  skill?: string;
  model?: string | null;
  usage?: Details["usage"];
  timing_ms?: number;
  request_id?: string;
  budget_warnings?: Budget[];
}

export type TurnState = "running" | "done" | "failed" | "stopped" | "broken_off";

/** A turn as the API lists it. */
export interface TurnHead {
  id: string;
  session_id: string;
  state: TurnState;
  message: string;
  started_at: string;
}

let last = 0;

export class Turn {
  readonly key = ++last;
  readonly question: string;
  readonly text = signal("");
  readonly state = signal<TurnState>("running");
  readonly isReconnecting = signal(false);
  readonly tools = signal<string[]>([]);
  readonly details = signal<Details | null>(null);
  readonly error = signal<Error | null>(null);
  /** Budgets that it is the first in its conversation to warn of. */
  readonly warnings = signal<readonly Budget[]>([]);
  /** It is on its way to the router, which has not taken it yet. */
  readonly isSending = signal(false);
  /** What stands in its box while it is edited. */
  readonly edited = signal<string | null>(null);
  /** Another version of that conversation begins with it. */
  versionOf: string | undefined;
  /** While the router knows it. */
  id: string | undefined;
  /** How many of its two messages the conversation's history holds. */
  stored = 0;
  /** Bytes of the answer that came. */
  received = 0;
  /** It was asked while the page was open: its question stands near the top. */
  isFresh = false;
  readonly stopping = new AbortController();
  private arrived = "";
  private isAwaited = false;

  constructor(question: string) {
    this.question = question;
  }

  /** What came shows with the next frame, at once with all else that came. */
  append(text: string): void {
    this.arrived += text;
    if (this.isAwaited) return;
    this.isAwaited = true;
    withNextFrame(() => {
      this.isAwaited = false;
      this.flush();
    });
  }

  /** Shows what came now. */
  flush(): void {
    if (this.arrived !== this.text.peek()) this.text.value = this.arrived;
  }

  replace(text: string): void {
    this.arrived = text;
    this.flush();
  }

  end(state: Exclude<TurnState, "running">): void {
    batch(() => {
      this.flush();
      this.isReconnecting.value = false;
      this.state.value = state;
    });
  }

  fail(error: Error | ErrorDetail): void {
    this.error.value = error instanceof Error ? error : new ApiError(error.status ?? 500, error, (error as { request_id?: string }).request_id);
    this.end("failed");
  }
}

/** A question that the router has not taken yet. */
interface Pending {
  turn: Turn;
  /** The turn whose place it takes. */
  instead: Turn | undefined;
  /** What comes after that turn goes: another version begins there. */
  isVersion: boolean;
}

export class Conversation {
  readonly key = ++last;
  readonly id = signal<string | null>(null);
  readonly turns = signal<Turn[]>([]);
  readonly phase = signal<"ready" | "loading" | "missing" | "failed">("ready");
  readonly error = signal<unknown>(null);
  /** The page of history before what is loaded. */
  readonly older = signal<string | undefined>(undefined);
  readonly isLoadingOlder = signal(false);
  /** A question is on its way to the router. */
  readonly isSending = signal(false);
  /** It shows at once, and is among `turns` when the router has taken it. */
  readonly pending = signal<Pending | null>(null);
  /** Why the router did not take the last question, which is in the box again; `again` where it was never there. */
  readonly refusal = signal<{ error: unknown; again: (() => void) | undefined } | null>(null);
  /** `at` of the newest message of the history that is shown; null: not known. */
  seen: string | null = null;
  /** Keys of what was sent and maybe taken: sent again it goes by the same key. */
  readonly attempts = new Map<string, string>();
  /** Stop was pressed before the router answered. */
  readonly isStopWanted = signal(false);

  constructor(id: string | null = null) {
    this.id.value = id;
  }

  // Only its change is seen: a thousand turns do not each look at a thousand.
  private readonly answered = computed(() => this.turns.value.find((turn) => turn.state.value === "running"));

  get running(): Turn | undefined {
    return this.answered.value;
  }

  get isBusy(): boolean {
    return this.isSending.value || this.running !== undefined;
  }

  /** Its turns, and what is on its way. */
  readonly shown = computed(() => {
    const turns = this.turns.value;
    const pending = this.pending.value;
    if (!pending) return turns;
    const { turn, instead, isVersion } = pending;
    const rest = isVersion ? turns.slice(0, turns.indexOf(instead!)) : turns.filter((each) => each !== instead);
    return [...rest, turn];
  });

  /** Messages that its history holds before a turn, once all of it is loaded. */
  before(turn: Turn): number {
    const turns = this.turns.peek();
    return turns.slice(0, turns.indexOf(turn)).reduce((sum, each) => sum + each.stored, 0);
  }

  add(turn: Turn): void {
    this.turns.value = [...this.turns.peek(), turn];
  }

  remove(turn: Turn): void {
    this.turns.value = this.turns.peek().filter((each) => each !== turn);
  }
}

/** Turns out of a history's messages, oldest first. */
export function turnsOf(messages: Message[]): Turn[] {
  const turns: Turn[] = [];
  let open: Turn | null = null;
  for (const message of messages) {
    if (message.role === "user") {
      open = new Turn(message.content);
      open.stored = 1;
      open.state.value = "done";
      turns.push(open);
      continue;
    }
    const turn: Turn = open ?? new Turn("");
    if (!open) {
      turn.state.value = "done";
      turns.push(turn);
    }
    open = null;
    turn.stored += 1;
    turn.replace(message.content);
    turn.details.value = message.details ?? null;
    if (message.details?.stopped) turn.state.value = "stopped";
  }
  return turns;
}

export function detailsOf(answer: Answer): Details {
  const { route, skill, model, usage, timing_ms, request_id } = answer;
  return {
    ...(route && { route }),
    ...(skill && { skills: [skill] }),
    ...(model && { model }),
    ...(usage && { usage }),
    ...(timing_ms !== undefined && { timing_ms }),
    ...(request_id && { request_id }),
  };
}
