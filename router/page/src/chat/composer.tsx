// The box. What is in it is the browser's own text, not the page's: typing makes nothing anew. What is sent
// leaves it at once, and comes back if the router does not take it.
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Icon, StopIcon } from "../common/icons";
import { SignedOut, absent, me, ownName } from "../common/session";
import { draftOf, joined, keepDraft, shownBox, takeSent } from "./drafts";
import { FailureNote } from "./failure";
import { grow, isSendKey, touch } from "./keys";
import { isOnFirstLine, isOnLastLine } from "./lines";
import type { Conversation } from "./model";
import { send, stop } from "./sending";
import { say } from "./announce";

const encoder = new TextEncoder();
const DEFAULT_LIMIT = 32_768;
/** From this part of the limit on it is counted. */
const COUNTED = 0.8;
const DRAFT_MS = 250;

/** Where the longer words of the box would take two lines. */
const narrow = matchMedia("(max-width: 460px)");

/** Bytes in the box. */
const bytes = signal(0);

export function Composer({ conversation }: { conversation: Conversation }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const timer = useRef(0);
  const recalled = useRef<{ index: number; draft: string } | null>(null);
  const [why, setWhy] = useState("");
  const running = conversation.running;
  const isSending = conversation.isSending.value;
  const isStopping = conversation.isStopWanted.value;
  const limit = me.value?.limits?.message_bytes ?? DEFAULT_LIMIT;
  const isTooLong = bytes.value > limit;
  const isEmpty = bytes.value === 0;
  // The router counts bytes, people characters: of what stands there.
  const inCharacters = (count: number) => {
    const text = field.current?.value ?? "";
    const characters = Math.ceil(count / (bytes.value / Math.max(1, [...text].length)));
    return characters === 1 ? "1 character" : `${characters.toLocaleString()} characters`;
  };
  const tooLong = isTooLong ? `Too long: shorten it by about ${inCharacters(bytes.value - limit)}.` : "";
  const owner = ownName.value;

  const save = () => {
    clearTimeout(timer.current);
    timer.current = 0;
    // What was recalled is no draft yet.
    if (!recalled.current) keepDraft(conversation.id.peek(), field.current?.value ?? "");
  };
  const put = (text: string) => {
    const element = field.current!;
    element.value = text;
    bytes.value = encoder.encode(text).length;
    grow(element);
  };

  useLayoutEffect(() => {
    put(draftOf(conversation.id.peek()));
    recalled.current = null;
    setWhy("");
    if (!touch.matches && document.getSelection()?.isCollapsed !== false && !document.querySelector("dialog[open]")) field.current!.focus({ preventScroll: true });
    const leave = () => timer.current && save();
    addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", leave);
    return () => {
      leave();
      removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", leave);
    };
  }, [conversation, owner]);
  useLayoutEffect(() => {
    const box = {
      of: conversation,
      text: () => (recalled.current ? "" : (field.current?.value ?? "")),
      put: (text: string) => {
        recalled.current = null;
        put(text);
        save();
      },
      focus: () => field.current?.focus({ preventScroll: true }),
    };
    shownBox.value = box;
    return () => {
      if (shownBox.value === box) shownBox.value = null;
    };
  }, [conversation]);
  const phase = conversation.phase.value;
  useLayoutEffect(() => {
    if (phase === "loading") return;
    const left = takeSent(conversation.id.peek(), conversation.turns.peek().at(-1)?.question);
    if (left) shownBox.value?.put(joined(left, field.current!.value));
  }, [conversation, owner, phase]);
  useEffect(() => setWhy(""), [running === undefined, isSending]);

  const input = () => {
    recalled.current = null;
    bytes.value = encoder.encode(field.current!.value).length;
    grow(field.current!);
    if (why) setWhy("");
    clearTimeout(timer.current);
    timer.current = window.setTimeout(save, DRAFT_MS);
  };

  const go = async () => {
    const text = field.current!.value;
    if (text.trim() === "") return;
    if (running || isSending) return explain("Your text is kept: send it when the answer is complete, or stop the answer with Esc.");
    if (isTooLong) return explain(`${tooLong} Or send it in parts.`);
    recalled.current = null;
    const sent = send(conversation, text);
    put("");
    save();
    await sent;
  };
  const explain = (text: string) => {
    setWhy(text);
    say(text);
  };

  const recall = (event: KeyboardEvent) => {
    const element = field.current!;
    const questions = conversation.turns.peek().map((turn) => turn.question).filter(Boolean);
    const now = recalled.current;
    if (event.key === "ArrowUp" && (element.value === "" || now) && isOnFirstLine(element)) {
      const index = (now?.index ?? questions.length) - 1;
      if (index < 0) return;
      event.preventDefault();
      recalled.current = { index, draft: now?.draft ?? element.value };
      put(questions[index]!);
    } else if (event.key === "ArrowDown" && now && isOnLastLine(element)) {
      event.preventDefault();
      const index = now.index + 1;
      const isDraft = index >= questions.length;
      put(isDraft ? now.draft : questions[index]!);
      recalled.current = isDraft ? null : { index, draft: now.draft };
    } else {
      return;
    }
    element.setSelectionRange(element.value.length, element.value.length);
  };

  const key = (event: KeyboardEvent) => {
    // An Enter that ends composing is the input method's. Safari sends it after the end, as 229.
    if (event.isComposing || event.keyCode === 229 || event.key === "Process") return;
    if (isSendKey(event)) {
      event.preventDefault();
      void go();
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      recall(event);
    }
  };

  const refusal = conversation.refusal.value;
  const mayStop = running !== undefined || isSending;
  const counter = !isTooLong && bytes.value >= limit * COUNTED ? `About ${inCharacters(limit - bytes.value)} left` : "";
  const status = why || (isTooLong ? tooLong : running ? (touch.matches ? "Answering…" : "Answering… Esc stops") : isSending ? (isStopping ? "Stopping…" : touch.matches ? "Sending…" : "Sending… Esc stops") : touch.matches ? "" : "Enter sends · Shift+Enter for a new line");
  return (
    <div class="foot">
      {absent.value === "signed out" && (
        <div class="refusal">
          <SignedOut />
        </div>
      )}
      {refusal !== null && (
        <div class="refusal">
          <FailureNote error={refusal.error} onRetry={running ? undefined : (refusal.again ?? (() => void go()))} onClose={() => (conversation.refusal.value = null)} />
        </div>
      )}
      <form
        class="box"
        onSubmit={(event) => {
          event.preventDefault();
          if (mayStop) void stop(conversation);
          else void go();
        }}
      >
        <textarea
          ref={field}
          rows={1}
          aria-label="Your question"
          placeholder={narrow.matches ? "Ask anything" : "Ask about your sprint, or anything else"}
          aria-describedby="box-status"
          aria-invalid={isTooLong}
          enterkeyhint={touch.matches ? "enter" : "send"}
          onInput={input}
          onKeyDown={key}
        />
        {mayStop ? (
          <button type="submit" class="send" aria-label="Stop" title="Stop (Esc)" onClick={onlyOnce}>
            <StopIcon />
          </button>
        ) : (
          <button type="submit" class="send" aria-label="Send" aria-disabled={isEmpty || isTooLong} aria-describedby={isTooLong ? "box-status" : undefined}>
            <Icon name="send" weight={2.2} />
          </button>
        )}
      </form>
      <div class="under">
        <span id="box-status" class={why || isTooLong ? "why" : undefined}>
          {status}
        </span>
        <span id="box-counter">{counter}</span>
      </div>
    </div>
  );
}

/** The second click of a double click on Send is none on Stop. */
function onlyOnce(event: MouseEvent): void {
  if (event.detail > 1) event.preventDefault();
}
