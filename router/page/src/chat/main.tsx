import { effect } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { JSX } from "preact";
import { modelOf } from "../common/api";
import { Icon } from "../common/icons";
import { Menu } from "../common/menu";
import { absent, arrivals, loadMe, me, ownName } from "../common/session";
import { Shell, loadMarkdown } from "../common/shell";
import { draw, whenIdle, withNextFrame } from "../common/drawing";
import { Announcer } from "./announce";
import { Composer } from "./composer";
import { begin, current, currentTitle, forget, leave, newChat, open } from "./conversations";
import { ConversationList } from "./list";
import { Log } from "./log";
import type { Conversation } from "./model";
import { stop } from "./sending";
import { deleteSession, loadList, refreshLive } from "./sessions";

function Chat(): JSX.Element {
  const conversation = current.value;
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) void stop(current.peek());
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  const isKnown = me.value !== null;
  return (
    <Shell page="chat" title={currentTitle.value} chip={<Chips conversation={conversation} />} list={<ConversationList id={conversation.id.value} onOpen={open} onDeleted={leave} />} onNew={newChat}>
      {isKnown || conversation.turns.value.length > 0 ? (
        <>
          <Log key={conversation.key} conversation={conversation} />
          <Composer conversation={conversation} />
        </>
      ) : (
        <div class="talkbox">{absent.value === "signed out" && <div class="blank soft">Sign in to ask.</div>}</div>
      )}
      <Announcer />
    </Shell>
  );
}

function Chips({ conversation }: { conversation: Conversation }): JSX.Element {
  const who = me.value;
  const model = modelOf(who);
  const mayRemove = who?.user && conversation.id.value !== null && conversation.phase.value === "ready" && !conversation.isBusy;
  const remove = async () => {
    const id = conversation.id.peek()!;
    if (await deleteSession(id, currentTitle.peek())) leave(id);
  };
  return (
    <div class="chips">
      {who?.sample_data && <span class="chip">Sample data</span>}
      {model && (
        <span class="chip model">
          <i class="dot" />
          <span>{model}</span>
        </span>
      )}
      {mayRemove && (
        <>
          <button type="button" class="icon wide" aria-label="Delete this conversation" title="Delete this conversation" onClick={remove}>
            <Icon name="trash" />
          </button>
          <Menu class="narrow" label="More" items={[{ label: "Delete", icon: "trash", pick: () => void remove() }]} />
        </>
      )}
    </div>
  );
}

// Who came may see other conversations than who was here before; the same person goes on where they were.
let shownTo: string | null = null;
effect(() => {
  if (me.value !== null || shownTo === null) return;
  shownTo = null;
  forget();
});
effect(() => {
  if (arrivals.value === 0) return;
  const name = ownName.peek();
  if (name === shownTo) {
    void loadList();
    if (me.peek()?.user) void refreshLive();
    return;
  }
  shownTo = name;
  begin();
  // The first answer needs it; the first sight does not.
  withNextFrame(() => whenIdle(loadMarkdown));
});

// A conversation that is opened waits for it: it comes together with who asks.
if (current.peek().id.peek()) loadMarkdown();
void loadMe();
draw(<Chat />);
