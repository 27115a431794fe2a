// What is in the box and was not sent: kept per person and conversation.
import { ownName } from "../common/session";
import { keep, kept } from "../common/storage";

const name = (sessionId: string | null) => ownName.peek() && `t3nets.own/${ownName.peek()}/draft/${sessionId ?? "new"}`;

export function draftOf(sessionId: string | null): string {
  const where = name(sessionId);
  return (where && kept(where)) || "";
}

export function keepDraft(sessionId: string | null, text: string): void {
  const where = name(sessionId);
  if (where) keep(where, text);
}
