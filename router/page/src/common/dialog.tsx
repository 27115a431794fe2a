// Dialogs over the page: the browser's own, which keeps focus inside and gives it back.
import { signal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icons";

interface DialogProps {
  title: string;
  /** Called by Esc and the cross. Without it the dialog stays until what it asks for is done. */
  onClose?: () => void;
  children: ComponentChildren;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, wide }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    onClose?.();
  };
  // Esc closes the dialog and nothing behind it.
  const key = (event: KeyboardEvent) => {
    if (event.key === "Escape") event.stopPropagation();
  };
  return (
    <dialog ref={dialog} class={wide ? "dialog wide" : "dialog"} aria-labelledby={name} onCancel={cancel} onKeyDown={key}>
      <header>
        <h2 id={name}>{title}</h2>
        {onClose && (
          <button type="button" class="icon" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
}

interface Question {
  title: string;
  /** What will be, in a sentence or two. */
  text: ComponentChildren;
  /** The button that does it: "Remove the user". */
  action: string;
  /** Has to be typed first: the name of what cannot be brought back. */
  typed?: string;
  answer: (yes: boolean) => void;
}

const asked = signal<Question | null>(null);

/** Asks before something that cannot be undone. `Confirmations` has to be in the page: the shell has it. */
export function confirm(question: Omit<Question, "answer">): Promise<boolean> {
  asked.value?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });
}

export function Confirmations(): JSX.Element | null {
  const question = asked.value;
  return question && <Confirmation key={question.title} question={question} />;
}

function Confirmation({ question }: { question: Question }): JSX.Element {
  const [typed, setTyped] = useState("");
  const field = useId();
  const ready = question.typed === undefined || typed.trim() === question.typed;
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready) question.answer(true);
  };
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <form onSubmit={submit}>
        <div class="says">{question.text}</div>
        {question.typed !== undefined && (
          <>
            <label for={field}>
              Type <b>{question.typed}</b> to go on
            </label>
            <input id={field} class="in" value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          </>
        )}
        <div class="buttons">
          <button type="submit" class="btn danger" disabled={!ready}>
            {question.action}
          </button>
          <button type="button" class="btn" onClick={() => question.answer(false)}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
