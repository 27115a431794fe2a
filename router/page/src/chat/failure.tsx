// Why a question was not answered: what happened, what to do; of a limit, when it resets.
import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { ApiError, serverNow } from "../common/api";
import { Note, explained, sentence } from "../common/note";
import { SignInButton, me } from "../common/session";
import { dayOf, timeOf } from "./warnings";

/** Nobody waits longer than a day: a limit that is further off may be raised before it resets. */
const FAR = 86_400;

interface Props {
  error: unknown;
  onRetry?: (() => void) | undefined;
  onEdit?: (() => void) | undefined;
  onClose?: (() => void) | undefined;
}

export function FailureNote({ error, onRetry, onEdit, onClose }: Props): JSX.Element {
  const { what, todo, requestId } = said(error);
  const limit = error instanceof ApiError && error.status === 429 ? error : null;
  const left = useLeft(limit);
  const isFar = left > FAR;
  // What was asked cannot be answered to this caller: the same once more would fail the same way.
  const isAsked = error instanceof ApiError && error.code === "skill_input";
  const actions = (
    <>
      {isAsked && me.value && !me.value.user && <SignInButton />}
      {onRetry && !isAsked && (
        // Before the limit resets it would be refused again.
        <button type="button" disabled={left > 0 && !isFar} onClick={onRetry}>
          Retry{left > 0 && !isFar && <span aria-hidden="true"> in {span(left)}</span>}
        </button>
      )}
      {onEdit && (
        <button type="button" onClick={onEdit}>
          Edit
        </button>
      )}
      {limit && me.value?.user && <a href="/dashboard">See usage</a>}
      {/^(budget|daily_limit)_reached$/.test(limit?.code ?? "") && me.value?.may_administer && <a href="/dashboard?view=settings">Change budgets</a>}
      {onClose && (
        <button type="button" onClick={onClose}>
          Close
        </button>
      )}
    </>
  );
  const isSoft = limit !== null || (error instanceof ApiError && error.status === 409);
  return (
    <Note kind={isSoft ? "warn" : "bad"} requestId={requestId} actions={actions}>
      {what} {todo} {limit?.retryAfter !== undefined && <Reset seconds={limit.retryAfter} left={left} isCounted={!onRetry && !isFar} />}
    </Note>
  );
}

const withoutTime = (text: string) => text.replace(/[;,.]?\s*the limit resets at \S+/i, "");

function said(error: unknown): { what: string; todo: string; requestId?: string | undefined } {
  if (error instanceof ApiError) {
    const { requestId } = error;
    // When is said below, as the reader writes times; how much was used is what is reached.
    if (error.status === 429 && error.retryAfter !== undefined) return { what: sentence(withoutTime(error.message)), todo: /is reached$/.test(error.message) ? "" : sentence(withoutTime(error.hint ?? "")), requestId };
    if (error.code === "conversation_moved_on") return { what: "This conversation went on in another tab.", todo: "Read what is new, then send again; your text is kept.", requestId };
    if (error.code === "turn_under_way") return { what: "Another question in this conversation is being answered.", todo: "Send again when it is complete; your text is kept.", requestId };
    if (error.status === 504) return { what: "The answer took too long.", todo: "Ask again, or ask for less at once.", requestId };
    if (error.status === 403) return { ...explained(error), todo: error.hint ? explained(error).todo : "Ask your team’s administrator." };
  }
  return explained(error);
}

/** The seconds until a limit resets; none where it did, or where nobody knows when. Counted by what passes, so that a clock that is wrong, or set anew, changes nothing. */
function useLeft(limit: ApiError | null): number {
  const end = limit?.retryAfter === undefined ? 0 : limit.received + limit.retryAfter * 1000;
  const left = () => Math.max(0, Math.ceil((end - performance.now()) / 1000));
  const [, tick] = useState(0);
  useEffect(() => {
    if (left() === 0) return;
    const timer = setInterval(() => {
      tick((count) => count + 1);
      if (left() === 0) clearInterval(timer);
    }, 1000);
    return () => clearInterval(timer);
  }, [end]);
  return left();
}

/** When a limit resets, by the router's clock, and how long that is, unless a button says so. Not live: nobody wants to hear seconds. */
function Reset({ seconds, left, isCounted }: { seconds: number; left: number; isCounted: boolean }): JSX.Element {
  if (left <= 0) return <span class="reset">It has reset: you can send again.</span>;
  const date = new Date(serverNow() + left * 1000);
  const isToday = date.toDateString() === new Date(serverNow()).toDateString();
  if (left > FAR) return <span class="reset">It resets on {dayOf(date)}.{!me.value?.may_administer && " An administrator can raise it before then."}</span>;
  const time = timeOf(date, seconds < 120 ? { second: "2-digit" } : {});
  const day = isToday ? "" : `${dayOf(date, { weekday: "long" })}, `;
  return (
    <span class="reset">
      It resets at {day}
      {time}
      {isCounted && (
        <>
          {" "}
          (<span aria-hidden="true">in {span(left)}</span>)
        </>
      )}
      .
    </span>
  );
}

/** A time in its largest unit: 3 h, 12 min, 40 s. */
export function span(left: number): string {
  if (left >= 2 * 3600) return `${Math.round(left / 3600)} h`;
  if (left >= 120) return `${Math.ceil(left / 60)} min`;
  return `${left} s`;
}
