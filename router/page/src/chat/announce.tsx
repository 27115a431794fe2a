// What a screen reader hears of an answer: that it begins, its whole sentences as they come, that it is
// complete. The log itself is not live.
import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";
import { current } from "./conversations";
import type { Turn } from "./model";
import { warning } from "./warnings";

const said = signal<{ id: number; text: string }[]>([]);
let last = 0;
/** As many as a reader can be behind. */
const KEPT = 20;

export function say(text: string): void {
  said.value = [...said.peek(), { id: ++last, text }].slice(-KEPT);
}

/** A Markdown text as it is spoken. */
export function spoken(text: string): string {
  return text
    .replace(/```[^\n]*\n[\s\S]*?(```|$)/g, " Code. ")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^[ \t]*\|?[ \t:|-]+\|[ \t:|-]*$/gm, "")
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+]|\d+[.)])[ \t]+/gm, "")
    .replace(/[*_`~]+/g, "")
    .replace(/\s*\|\s*/g, ", ")
    .replace(/\s+/g, " ")
    .trim();
}

/** How far a text is made of whole sentences: a mark and a space after it, or an empty line; not inside a code block. */
export function wholeSentences(text: string): number {
  let end = 0;
  for (const found of text.matchAll(/[.!?…:]["”’)*_]*(?=\s)|\n\n/g)) end = found.index + found[0].length;
  const fences = [...text.slice(0, end).matchAll(/^```/gm)];
  return fences.length % 2 === 1 ? fences.at(-1)!.index : end;
}

let follows: Turn | undefined;
let heard = 0;
effect(() => {
  const turn = current.value.running;
  if (turn !== follows) {
    const before = follows;
    follows = turn;
    if (before && current.peek().turns.peek().includes(before)) {
      const rest = spoken(before.text.peek().slice(heard));
      const state = before.state.peek();
      if (rest && state === "done") say(rest);
      if (state === "done") {
        say("Answer complete");
        for (const budget of before.warnings.peek()) say(warning(budget));
      } else if (state === "failed") say(`The answer failed. ${before.error.peek()?.message ?? ""}`);
      else if (state === "broken_off") say("The answer broke off");
    }
    heard = turn?.text.peek().length ?? 0;
    if (turn) say("Answering");
  }
  if (!turn) return;
  const text = turn.text.value;
  const end = heard + wholeSentences(text.slice(heard));
  if (end <= heard) return;
  const words = spoken(text.slice(heard, end));
  heard = end;
  if (words) queueMicrotask(() => say(words));
});

export function Announcer(): JSX.Element {
  return (
    <div class="hidden" role="status" aria-live="polite" aria-atomic="false" data-announcer>
      {said.value.map((entry) => (
        <p key={entry.id}>{entry.text}</p>
      ))}
    </div>
  );
}
