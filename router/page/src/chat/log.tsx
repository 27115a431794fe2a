// A conversation's turns, and where one stands in them.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Icon } from "../common/icons";
import { ErrorNote, Note } from "../common/note";
import { load, loadOlder, newChat } from "./conversations";
import { FirstSight } from "./first";
import type { Conversation } from "./model";
import { Scroller } from "./scrolling";
import { TurnView } from "./turn";

export function Log({ conversation }: { conversation: Conversation }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller | null>(null);
  const [isFar, setFar] = useState(false);
  const turns = conversation.shown.value;
  const phase = conversation.phase.value;
  const before = useRef<{ height: number; top: number; first: number | undefined; last: number | undefined; count: number }>({ height: 0, top: 0, first: undefined, last: undefined, count: 0 });

  useLayoutEffect(() => {
    const made = new Scroller(box.current!, content.current!, setFar, () => void loadOlder(conversation).catch(() => {}));
    scroller.current = made;
    made.toEnd();
    return () => made.end();
  }, [conversation]);

  // Read before the new elements are there, by what the last layout left.
  const was = before.current;
  useLayoutEffect(() => {
    const first = turns[0]?.key;
    const last = turns.at(-1)?.key;
    const isNewLast = last !== was.last && turns.length > 0;
    if (was.count === 0 || (isNewLast && turns.at(-1)!.isFresh)) scroller.current?.toEnd();
    else if (first !== was.first && turns.length > was.count) scroller.current?.added(was.height, box.current!.scrollTop);
    before.current = { height: box.current!.scrollHeight, top: box.current!.scrollTop, first, last, count: turns.length };
  }, [turns, phase]);
  useEffect(() => {
    // Highlighting and streaming change it: older turns are added to what is there then.
    const note = () => box.current && (before.current.height = box.current.scrollHeight);
    const observer = new ResizeObserver(note);
    observer.observe(content.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    // A page that fills less than the box never scrolls.
    if (phase === "ready" && conversation.older.value && box.current!.scrollHeight <= box.current!.clientHeight + 800) void loadOlder(conversation).catch(() => {});
  }, [phase, turns]);

  const isEmpty = turns.length === 0 && phase === "ready";
  return (
    <div class="talkbox">
      <div class="talk" ref={box} tabIndex={0} role="region" aria-label="Conversation">
        <div class={isEmpty ? "col hello" : "col"} ref={content}>
          {conversation.older.value && phase === "ready" && (
            <p class="older">{conversation.isLoadingOlder.value ? "Loading earlier messages…" : <button type="button" onClick={() => void loadOlder(conversation)}>Earlier messages</button>}</p>
          )}
          {isEmpty && <FirstSight conversation={conversation} />}
          {turns.map((turn, index) => (
            <TurnView key={turn.key} turn={turn} conversation={conversation} isLast={index === turns.length - 1} />
          ))}
          {phase === "loading" && turns.length === 0 && <p class="loading">Loading the conversation…</p>}
          {phase === "missing" && (
            <Note
              actions={
                <button type="button" onClick={newChat}>
                  New chat
                </button>
              }
            >
              There is no such conversation here. It was deleted or has expired, or it isn’t yours.
            </Note>
          )}
          {phase === "failed" && <ErrorNote error={conversation.error.value} onAgain={() => void load(conversation, true)} />}
        </div>
      </div>
      {isFar && (
        <button type="button" class="toend" aria-label="To the end" title="To the end" onClick={() => scroller.current?.toEnd()}>
          <Icon name="down" weight={2} />
        </button>
      )}
    </div>
  );
}
