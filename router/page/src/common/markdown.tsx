// Markdown's reader is a part of its own that the first paint does not wait for. Until it is there, and where it
// cannot be had, a text stands as it is written.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";
import type { Answer } from "../markdown/answer";

const part = signal<typeof Answer | null>(null);
let loading: Promise<void> | null = null;
/** Whoever waits for longer rather reads the text as it is. */
const PATIENCE_MS = 4_000;

/** Loads it, if it is not there yet. What cannot be loaded is asked for again with the next text. */
export function loadMarkdown(): void {
  loading ??= import("../markdown/answer").then(
    ({ Answer }) => void (part.value = Answer),
    () => void (loading = null),
  );
}

/** Until texts show as Markdown, or not for now. */
export function markdownReady(): Promise<void> {
  loadMarkdown();
  if (part.peek()) return Promise.resolve();
  return new Promise((done) => {
    setTimeout(done, PATIENCE_MS);
    void loading!.then(done);
  });
}

export function Markdown({ text, isOpen = false }: { text: string; isOpen?: boolean }): JSX.Element {
  const Answer = part.value;
  useEffect(() => {
    if (Answer) return;
    loadMarkdown();
    addEventListener("online", loadMarkdown);
    return () => removeEventListener("online", loadMarkdown);
  }, [Answer]);
  if (Answer) return <Answer text={text} isOpen={isOpen} />;
  return (
    <div class="md">
      <p class="plain">{text}</p>
    </div>
  );
}
