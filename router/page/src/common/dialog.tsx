// Dialogs over the page: the browser's own, which keeps focus inside and gives it back.
import { createContext } from "preact";
import { signal } from "@preact/signals";
import { useContext, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { useAction } from "./action";
import { COPIED } from "./copy";
import { Icon } from "./icons";
import { ErrorNote } from "./note";

interface DialogProps {
  title: string;
  /** Called by Esc and the cross. Without it the dialog stays until what it asks for is done. */
  onClose?: () => void;
  children: ComponentChildren;
  wide?: boolean;
  /** What it shows now and never again, "The key": Esc leaves it there, and closing asks first unless it was copied. */
  once?: string | undefined;
  /** Whether it may open without having been asked for: then no keyboard comes up on a phone. */
  byItself?: boolean;
}

/** How what is in a dialog closes it, and whether what is shown once was copied. */
const Inside = createContext({ close: () => {}, isCopied: false });

/** Where one begins: at what is wrong, at the first field; without fields at what does something, unless it cannot be undone. */
function beginning(dialog: HTMLElement, byItself: boolean): HTMLElement {
  const fields = [...dialog.querySelectorAll<HTMLInputElement>("input, select, textarea")].filter((field) => !field.disabled && !field.readOnly);
  if (fields.length > 0 && byItself && matchMedia("(pointer: coarse)").matches) return dialog;
  const wrong = fields.find((field) => field.getAttribute("aria-invalid") === "true");
  return wrong ?? fields[0] ?? dialog.querySelector<HTMLElement>(".btn.p:not(:disabled)") ?? dialog.querySelector<HTMLElement>(".btn:not(.danger, :disabled)") ?? dialog;
}

export function Dialog({ title, onClose, children, wide, once, byItself = false }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const focused = useRef<Element | null>(null);
  const isThere = useRef(true);
  const [isCopied, setCopied] = useState(false);
  const name = useId();
  useLayoutEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement;
    const copied = () => setCopied(true);
    element.addEventListener("copy", copied);
    element.addEventListener(COPIED, copied);
    element.showModal();
    beginning(element, byItself).focus({ preventScroll: true });
    return () => {
      isThere.current = false;
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  useLayoutEffect(() => {
    // Where one was is gone: the next step stands in its place.
    if (focused.current && !focused.current.isConnected) beginning(dialog.current!, byItself).focus({ preventScroll: true });
  });
  const close = async () => {
    if (!onClose) return;
    if (once && !isCopied && !(await confirm({ title: "Close without copying?", text: `${once} is not shown again.`, action: "Close" }))) return;
    onClose();
  };
  const leave = () => {
    if (!once) void close();
  };
  const cancel = (event: Event) => {
    event.preventDefault();
    leave();
  };
  // Esc closes the dialog and nothing behind it. Taken here: the browser asks once (`cancel`), and closes at the second Esc.
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    event.preventDefault();
    leave();
  };
  const closed = () => {
    if (isThere.current) dialog.current?.showModal();
  };
  return (
    <dialog
      ref={dialog}
      class={wide ? "dialog wide" : "dialog"}
      tabIndex={-1}
      aria-labelledby={name}
      onCancel={cancel}
      onClose={closed}
      onKeyDown={key}
      onFocusIn={(event) => (focused.current = event.target as Element)}
    >
      <header>
        <h2 id={name}>{title}</h2>
        {onClose && (
          <button type="button" class="icon" aria-label="Close" onClick={() => void close()}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <Inside.Provider value={{ close: () => void close(), isCopied }}>{children}</Inside.Provider>
    </dialog>
  );
}

/** Closes the dialog that it is in; what is shown once has to be copied first. */
export function Done(): JSX.Element {
  const { close, isCopied } = useContext(Inside);
  return (
    <button type="button" class={isCopied ? "btn p" : "btn"} onClick={close}>
      Done
    </button>
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
  /** Does it while the dialog is there, which says what went wrong. */
  run?: () => Promise<unknown>;
  answer: (yes: boolean) => void;
}

const asked = signal<Question | null>(null);

/** Asks before something that cannot be undone; whether it was wanted, and done. `Confirmations` has to be in the page: the shell has it. */
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
  const action = useAction();
  const field = useId();
  const ready = !action.busy && (question.typed === undefined || typed.trim() === question.typed);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    void action.run(async () => {
      await question.run?.();
      question.answer(true);
    });
  };
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <form onSubmit={submit}>
        <div class="says">{question.text}</div>
        {question.typed !== undefined && (
          <>
            <label for={field}>
              Type <b>{question.typed}</b> to confirm
            </label>
            <input id={field} class="in" value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          </>
        )}
        {action.error !== null && <ErrorNote error={action.error} />}
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
