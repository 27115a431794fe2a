// What happened and what to do, in a box; and short words that go by themselves.
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { ApiError, NoNetwork } from "./api";
import { CopyButton } from "./copy";
import { plain } from "./names";

interface NoteProps {
  kind?: "info" | "warn" | "bad" | "good";
  children: ComponentChildren;
  /** Buttons. */
  actions?: ComponentChildren;
  /** Quoted when asking for help. */
  requestId?: string | undefined;
}

export function Note({ kind = "warn", children, actions, requestId }: NoteProps): JSX.Element {
  return (
    <div class={`note ${kind}`} role="note">
      <div class="what">
        {children}
        {requestId && (
          <div class="request">
            Request <code>{requestId}</code> <CopyButton text={requestId} label="Copy the request's id" />
          </div>
        )}
      </div>
      {actions && <div class="does">{actions}</div>}
    </div>
  );
}

/** A text of the API as a sentence: errors begin small and end without a full stop. */
export function sentence(text: string): string {
  const trimmed = plain(text).trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) || begun === "" ? begun : `${begun}.`;
}

/** What an error says to a person: what happened, then what to do. */
export function explained(error: unknown): { what: string; todo: string; requestId?: string | undefined } {
  if (error instanceof NoNetwork) {
    return { what: "T3nets cannot be reached.", todo: "Check the network; what you wrote is kept." };
  }
  if (error instanceof ApiError) {
    return { what: sentence(error.message), todo: error.hint ? sentence(error.hint) : "", requestId: error.requestId };
  }
  return { what: "Something on this page went wrong.", todo: "Reload it; what you wrote is kept." };
}

interface ErrorProps {
  error: unknown;
  actions?: ComponentChildren;
  /** Tries again what failed, in place of other actions. */
  onAgain?: (() => void) | undefined;
  /** Whether that is under way. */
  busy?: boolean;
}

export function ErrorNote({ error, actions, onAgain, busy }: ErrorProps): JSX.Element {
  const { what, todo, requestId } = explained(error);
  const again = onAgain && (
    <button type="button" disabled={busy} onClick={onAgain}>
      Try again
    </button>
  );
  return (
    <Note kind="bad" requestId={requestId} actions={again ?? actions}>
      {what} {todo}
    </Note>
  );
}

const toasts = signal<{ id: number; text: string }[]>([]);
let last = 0;
const TOAST_MS = 5000;

/** Says something for some seconds: "Saved". Nothing that has to be read: that is a `Note`. */
export function toast(text: string): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text }];
  setTimeout(() => (toasts.value = toasts.value.filter((entry) => entry.id !== id)), TOAST_MS);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status">
      {toasts.value.map((entry) => (
        <div key={entry.id} class="toast">
          {entry.text}
        </div>
      ))}
    </div>
  );
}
