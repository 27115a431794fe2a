// One turn: the question in a tint, the answer as text, and what can be done with them.
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { CopyButton } from "../common/copy";
import { confirm } from "../common/dialog";
import { Icon } from "../common/icons";
import { Note } from "../common/note";
import { me } from "../common/session";
import { Markdown } from "../common/shell";
import { FailureNote } from "./failure";
import { grow, isSendKey, touch } from "./keys";
import type { Conversation, Details, Turn } from "./model";
import { memo } from "../common/drawing";
import { askInstead } from "./sending";
import { address } from "./sessions";
import { warning } from "./warnings";

/** From where a skill has what it says. */
const SOURCES: Record<string, string> = { sprint_status: "Jira", release_notes: "Jira" };
function sourceOf(skills: readonly string[] | undefined): string | undefined {
  const source = skills?.map((skill) => SOURCES[skill]).find(Boolean);
  return source && me.value?.sample_data ? "sample data" : source;
}

export const seconds = (ms: number): string => (ms < 950 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toLocaleString(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 })} s`);

interface Props {
  turn: Turn;
  conversation: Conversation;
  isLast: boolean;
}

function ShownTurn({ turn, conversation, isLast }: Props): JSX.Element {
  const isEditing = turn.edited.value !== null;
  const edit = () => (turn.edited.value = turn.question);
  const name = useId();
  return (
    <section class={turn.isFresh ? "turn fresh" : "turn"} aria-labelledby={name}>
      <h2 class="hidden" id={name}>
        {turn.question ? `Question: ${turn.question.slice(0, 120)}` : "Answer"}
      </h2>
      {turn.versionOf && me.value?.user && (
        <p class="version">
          Another version of <a href={address(turn.versionOf)}>an earlier conversation</a>, which stays as it was.
        </p>
      )}
      {turn.question && (isEditing ? <Edit turn={turn} conversation={conversation} /> : <Question turn={turn} conversation={conversation} edit={edit} />)}
      <AnswerOf turn={turn} conversation={conversation} isLast={isLast} edit={edit} />
    </section>
  );
}

// Its own signals make it anew; that others came does not.
export const TurnView = memo(ShownTurn, (a, b) => a.turn === b.turn && a.conversation === b.conversation && a.isLast === b.isLast);

/** Of a question that is longer the beginning shows. */
const LONG_CHARS = 900;
const LONG_LINES = 14;

function Question({ turn, conversation, edit }: { turn: Turn; conversation: Conversation; edit: () => void }): JSX.Element {
  const { isBusy } = conversation;
  const [isWhole, setWhole] = useState(false);
  const isLong = turn.question.length > LONG_CHARS || turn.question.split("\n").length > LONG_LINES;
  const text = useId();
  return (
    <div class="you">
      <div class="said">
        <p class={isLong && !isWhole ? "cut" : undefined} id={text}>
          {turn.question}
        </p>
        {isLong && (
          <button type="button" aria-expanded={isWhole} aria-controls={text} onClick={() => setWhole(!isWhole)}>
            {isWhole ? "Show less" : "Show more"}
          </button>
        )}
      </div>
      <div class="acts">
        <CopyButton text={turn.question} label="Copy the question" />
        {!isBusy && (
          <button type="button" class="icon edits" aria-label="Edit the question" title="Edit the question" onClick={edit}>
            <Icon name="edit" />
          </button>
        )}
      </div>
    </div>
  );
}

function Edit({ turn, conversation }: { turn: Turn; conversation: Conversation }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  // With the drawing, not after it: what one types at once goes into the field.
  useLayoutEffect(() => {
    const element = field.current!;
    element.focus();
    element.setSelectionRange(element.value.length, element.value.length);
    grow(element);
  }, []);
  const close = () => {
    const section = field.current!.closest(".turn");
    turn.edited.value = null;
    // Back to where one came from.
    requestAnimationFrame(() => section?.querySelector<HTMLElement>(".edits")?.focus({ preventScroll: true }));
  };
  const cancel = async () => {
    const isChanged = turn.edited.peek() !== turn.question;
    if (isChanged && !(await confirm({ title: "Discard your changes?", text: "The question stays as it was.", action: "Discard" }))) return field.current?.focus();
    close();
  };
  const send = async () => {
    const text = turn.edited.peek() ?? "";
    if (conversation.isBusy || !text.trim()) return;
    if (await askInstead(conversation, turn, text)) turn.edited.value = null;
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing || event.keyCode === 229 || event.key === "Process") return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      void cancel();
    } else if (isSendKey(event)) {
      event.preventDefault();
      void send();
    }
  };
  return (
    <div class="edit">
      <textarea
        ref={field}
        class="in"
        aria-label="The question, edited"
        defaultValue={turn.edited.peek() ?? turn.question}
        rows={1}
        enterkeyhint={touch.matches ? "enter" : "send"}
        onInput={(event) => {
          turn.edited.value = event.currentTarget.value;
          grow(event.currentTarget);
        }}
        onKeyDown={key}
      />
      <div class="buttons">
        <p class="hint">{turn.stored > 0 ? "A new conversation begins here; this one stays as it is." : ""}</p>
        <button type="button" class="btn small" onClick={() => void cancel()}>
          Cancel
        </button>
        <button type="button" class="btn p small" disabled={conversation.isBusy} onClick={() => void send()}>
          Ask
        </button>
      </div>
    </div>
  );
}

function AnswerOf({ turn, conversation, isLast, edit }: Props & { edit: () => void }): JSX.Element {
  const state = turn.state.value;
  const text = turn.text.value;
  const isOpen = state === "running";
  const { isBusy } = conversation;
  const retry = () => void askInstead(conversation, turn, turn.question);
  return (
    <div class={isOpen ? "ans open" : "ans"} aria-busy={isOpen}>
      {text && <Markdown text={text} isOpen={isOpen} />}
      {isOpen && <Under turn={turn} conversation={conversation} />}
      {state === "failed" && <FailureNote error={turn.error.value} onRetry={isBusy ? undefined : retry} onEdit={isBusy ? undefined : edit} />}
      {state === "broken_off" && (
        <Note
          kind="bad"
          actions={
            !isBusy && (
              <>
                <button type="button" onClick={retry}>
                  Retry
                </button>
                <button type="button" onClick={edit}>
                  Edit
                </button>
              </>
            )
          }
        >
          The answer broke off: the server that wrote it is gone. Nothing of it was kept.
        </Note>
      )}
      {(state === "done" || state === "stopped") && turn.text.value !== "" && <Acts turn={turn} conversation={conversation} isLast={isLast} />}
      {turn.warnings.value.map((budget) => (
        <p key={budget.name} class="spent">
          {warning(budget)}
        </p>
      ))}
      {state === "stopped" && text === "" && <Acts turn={turn} conversation={conversation} isLast={isLast} />}
    </div>
  );
}

/** Below an answer that comes: what it does, or that it goes on. */
function Under({ turn, conversation }: { turn: Turn; conversation: Conversation }): JSX.Element {
  if (turn.isSending.value) return <OnItsWay conversation={conversation} />;
  if (turn.isReconnecting.value) return <p class="doing">Reconnecting… What came so far stays.</p>;
  const source = sourceOf(turn.tools.value.slice(-1));
  if (turn.text.value === "") {
    return (
      <p class="doing">
        <span class="caret" aria-hidden="true" /> {source ? `Looking into ${source}…` : "Thinking…"}
      </p>
    );
  }
  return <span class="caret" aria-hidden="true" />;
}

/** So long a question may be on its way before that is said. */
const SLOW_MS = 10_000;

function OnItsWay({ conversation }: { conversation: Conversation }): JSX.Element {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return <p class="doing">{conversation.isStopWanted.value ? "Stopping…" : isSlow ? "Sending… This is taking longer than usual." : "Sending…"}</p>;
}

function Acts({ turn, conversation }: { turn: Turn; conversation: Conversation; isLast: boolean }): JSX.Element {
  const [isShown, setShown] = useState(false);
  const panel = useId();
  const details = turn.details.value;
  const source = sourceOf(details?.skills);
  const { isBusy } = conversation;
  const words = [turn.state.value === "stopped" && "Stopped", source && `from ${source}`, details?.timing_ms !== undefined && seconds(details.timing_ms)].filter(Boolean).join(" · ");
  return (
    <>
      <div class="acts">
        {turn.text.value !== "" && <CopyButton text={() => turn.text.peek()} label="Copy the answer" />}
        {!isBusy && (
          <button type="button" class="icon" aria-label="Ask again" title="Ask again" onClick={() => void askInstead(conversation, turn, turn.question)}>
            <Icon name="retry" />
          </button>
        )}
        {details && (
          <button type="button" class="icon" aria-label="Details" title="Details" aria-expanded={isShown} aria-controls={panel} onClick={() => setShown(!isShown)}>
            <Icon name="info" />
          </button>
        )}
        {words && <span class="meta">{words}</span>}
      </div>
      {isShown && details && <DetailsView id={panel} details={details} />}
    </>
  );
}

const ROUTES: Record<string, string> = { conversational: "Small talk, without a model", rule: "A rule recognised the question", ai: "The model chose what to look up" };
/** `sprint_status` as people write it. */
const worded = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replace(/_/g, " ");

function DetailsView({ id, details }: { id: string; details: Details }): JSX.Element {
  const { usage } = details;
  const hasModel = Boolean(details.model) && details.model !== "offline";
  const number = (value: number) => value.toLocaleString();
  const rows: [string, string | undefined][] = [
    ["How", details.route && (ROUTES[details.route] ?? worded(details.route))],
    ["Skill", details.skills?.map(worded).join(", ")],
    ["Model", hasModel ? details.model! : "None"],
    ["Tokens", usage && hasModel ? `${number(usage.input_tokens)} read, ${number(usage.output_tokens)} written` : undefined],
    ["Cost", usage && hasModel ? (usage.cost_usd === null ? "unknown" : `$${usage.cost_usd === 0 ? "0.00" : usage.cost_usd.toLocaleString(undefined, { minimumFractionDigits: 2, maximumSignificantDigits: 3 })}`) : undefined],
    ["Time", details.timing_ms === undefined ? undefined : seconds(details.timing_ms)],
  ];
  return (
    <dl class="details" id={id}>
      {rows.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
      {details.request_id && (
        <div>
          <dt>Request</dt>
          <dd>
            <code>{details.request_id}</code> <CopyButton text={details.request_id} label="Copy the request's id" />
          </dd>
        </div>
      )}
    </dl>
  );
}
