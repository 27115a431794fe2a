// How and when a page is drawn: what every page and the part for Markdown share, in one file, so that it is one part.
import { batch } from "@preact/signals";
import { Component, h, render } from "preact";
import type { ComponentType, VNode } from "preact";

export function draw(page: VNode): void {
  render(page, document.getElementById("page")!);
}

const changes: (() => void)[] = [];
let frame = 0;
// A page in the background draws no frames, and a person who listens still wants the text.
const HIDDEN_MS = 250;

/** Changes something with the next frame, together with all else that changes then. */
export function withNextFrame(change: () => void): void {
  changes.push(change);
  if (frame) return;
  const run = () => {
    frame = 0;
    batch(() => {
      for (const each of changes.splice(0)) each();
    });
  };
  frame = document.hidden ? window.setTimeout(run, HIDDEN_MS) : requestAnimationFrame(run);
}

/** Runs something once the browser is idle; what it returns takes that back. */
export function whenIdle(run: () => void): () => void {
  if (typeof requestIdleCallback === "function") {
    const id = requestIdleCallback(run, { timeout: 1_000 });
    return () => cancelIdleCallback(id);
  }
  const id = setTimeout(run, 100);
  return () => clearTimeout(id);
}

/**
 * A component that is made anew only where what it is given differs. (Preact has this in preact/compat alone,
 * with much else.)
 */
export function memo<P extends object>(of: ComponentType<P>, isSame: (before: P, now: P) => boolean): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isSame(this.props as P, next);
    }
    override render(): VNode {
      return h(of as ComponentType<object>, this.props) as VNode;
    }
  } as unknown as ComponentType<P>;
}
