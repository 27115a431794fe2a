// One turn: the question in a tint, the answer as text, and what can be done with them.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { CopyButton } from "../common/copy";
import { Icon } from "../common/icons";
import { Note } from "../common/note";
import { Answer } from "./answer";
import { FailureNote } from "./failure";
import type { Conversation, Details, Turn } from "./model";
import { memo } from "./memo";
import { askInstead } from "./sending";

/** From where a skill has what it says. */
const SOURCES: Record<string, string> = { sprint_status: "Jira", release_notes: "Jira" };
const sourceOf = (skills: readonly string[] | undefined) => skills?.map((skill) => SOURCES[skill] ?? skill.replace(/_/g, " ")).find(Boolean);

export const seconds = (ms: number): string => (ms < 950 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toLocaleString(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 })} s`);

interface Props {
  turn: Turn;
  conversation: Conversation;
  isLast: boolean;
}

function ShownTurn({ turn, conversation, isLast }: Props): JSX.Element {
  const [isEditing, setEditing] = useState(false);
  const name = useId();
  return (
    <section class={turn.isFresh ? "turn fresh" : "turn"} aria-labelledby={name}>
      <h2 class="hidden" id={name}>
        {turn.question ? `Question: ${turn.question.slice(0, 120)}` : "Answer"}
      </h2>
      {turn.question && (isEditing ? <Edit turn={turn} conversation={conversation} close={() => setEditing(false)} /> : <Question turn={turn} conversation={conversation} edit={() => setEditing(true)} />)}
      <AnswerOf turn={turn} conversation={conversation} isLast={isLast} edit={() => setEditing(true)} />
    </section>
  );
}

// Its own signals make it anew; that others came does not.
export const TurnView = memo(ShownTurn, (a, b) => a.turn === b.turn && a.conversation === b.conversation && a.isLast === b.isLast);

function Question({ turn, conversation, edit }: { turn: Turn; conversation: Conversation; edit: () => void }): JSX.Element {
  const isBusy = conversation.running !== undefined;
  return (
    <div class="you">
      <p>{turn.question}</p>
      <div class="acts">
        <CopyButton text={turn.question} label="Copy the question" />
        {!isBusy && (
          <button type="button" class="icon" aria-label="Edit the question" title="Edit the question" onClick={edit}>
            <Icon name="edit" />
          </button>
        )}
      </div>
    </div>
  );
}

function Edit({ turn, conversation, close }: { turn: Turn; conversation: Conversation; close: () => void }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const [isSending, setSending] = useState(false);
  useEffect(() => {
    field.current!.focus();
    field.current!.setSelectionRange(turn.question.length, turn.question.length);
  }, []);
  const send = async () => {
    if (isSending || !field.current!.value.trim()) return;
    setSending(true);
    const taken = await askInstead(conversation, turn, field.current!.value);
    setSending(false);
    if (taken) close();
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    }
  };
  return (
    <div class="edit">
      <textarea ref={field} class="in" aria-label="The question, edited" defaultValue={turn.question} rows={2} onKeyDown={key} />
      <div class="buttons">
        <p class="hint">{turn.stored > 0 ? "A new conversation begins here; this one stays as it is." : ""}</p>
        <button type="button" class="btn small" onClick={close}>
          Cancel
        </button>
        <button type="button" class="btn p small" disabled={isSending} onClick={() => void send()}>
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
  const isBusy = conversation.running !== undefined;
  const retry = () => void askInstead(conversation, turn, turn.question);
  return (
    <div class={isOpen ? "ans open" : "ans"} aria-busy={isOpen}>
      {text && <Answer text={text} isOpen={isOpen} />}
      {isOpen && <Under turn={turn} />}
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
      {state === "stopped" && text === "" && <Acts turn={turn} conversation={conversation} isLast={isLast} />}
    </div>
  );
}

/** Below an answer that comes: what it does, or that it goes on. */
function Under({ turn }: { turn: Turn }): JSX.Element {
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

function Acts({ turn, conversation }: { turn: Turn; conversation: Conversation; isLast: boolean }): JSX.Element {
  const [isShown, setShown] = useState(false);
  const panel = useId();
  const details = turn.details.value;
  const source = sourceOf(details?.skills);
  const isBusy = conversation.running !== undefined;
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

const ROUTES: Record<string, string> = { conversational: "Small talk, without a model", rule: "A rule chose the skill", ai: "The model chose what to do" };

function DetailsView({ id, details }: { id: string; details: Details }): JSX.Element {
  const { usage } = details;
  const number = (value: number) => value.toLocaleString();
  const rows: [string, string | undefined][] = [
    ["Route", details.route && (ROUTES[details.route] ?? details.route)],
    ["Skill", details.skills?.join(", ")],
    ["Model", details.model ?? undefined],
    ["Tokens", usage && `${number(usage.input_tokens)} in, ${number(usage.output_tokens)} out`],
    ["Cost", usage && (usage.cost_usd === null ? "unknown" : `$${usage.cost_usd === 0 ? "0.00" : usage.cost_usd.toLocaleString(undefined, { minimumFractionDigits: 2, maximumSignificantDigits: 3 })}`)],
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
