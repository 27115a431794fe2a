// What is in the box and was not sent: kept per person and conversation. And what was sent and is not taken yet:
// a page that is loaded anew meanwhile has it in its box again.
import { ownName } from "../common/session";
import { keep, kept } from "../common/storage";
import type { Conversation } from "./model";

const name = (kind: "draft" | "sent", sessionId: string | null) => ownName.peek() && `t3nets.own/${ownName.peek()}/${kind}/${sessionId ?? "new"}`;

export function draftOf(sessionId: string | null): string {
  const where = name("draft", sessionId);
  return (where && kept(where)) || "";
}

export function keepDraft(sessionId: string | null, text: string): void {
  const where = name("draft", sessionId);
  if (where) keep(where, text);
}

/** Kept by this page itself, which knows better what became of it. */
const own = new Set<string>();

export function keepSent(sessionId: string | null, text: string): void {
  const where = name("sent", sessionId);
  if (!where) return;
  own.add(where);
  keep(where, text);
}

/** What a page that is gone had sent: taken out, unless it is the question that was asked last. */
export function takeSent(sessionId: string | null, lastQuestion: string | undefined): string {
  const where = name("sent", sessionId);
  const text = where && !own.has(where) ? kept(where) : null;
  if (!where || !text) return "";
  keep(where, null);
  return text === lastQuestion ? "" : text;
}

interface Box {
  of: Conversation;
  text: () => string;
  put: (text: string) => void;
  focus: () => void;
}

/** The box that shows. */
export const shownBox: { value: Box | null } = { value: null };

export const joined = (first: string, then: string): string => (then.trim() === "" ? first : `${first}\n\n${then}`);

/** Puts a question back into its conversation's box; false where something else stands there by now. */
export function giveBack(conversation: Conversation, text: string): boolean {
  const id = conversation.id.peek();
  const box = shownBox.value;
  if (box?.of === conversation) {
    if (box.text().trim() !== "") return false;
    box.put(text);
  } else if (id !== null && draftOf(id).trim() !== "") {
    return false;
  } else if (box && id === null && box.of.id.peek() === null) {
    // One left a new conversation for another: there is one box for both.
    box.put(joined(text, box.text()));
  } else {
    keepDraft(id, joined(text, draftOf(id)));
  }
  keepSent(id, "");
  return true;
}
