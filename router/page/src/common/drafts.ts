// What was typed into a view's forms and not saved yet: kept while the page lives, so that another view may be looked at
// meanwhile. It is in memory alone: a secret may be part of it.
import { effect } from "@preact/signals";
import { useState } from "preact/hooks";
import { ownName } from "./session";

const drafts = new Map<string, Record<string, unknown>>();

// The next person sees nothing of it.
let owner: string | null = null;
effect(() => {
  if (owner !== null && owner !== ownName.value) drafts.clear();
  owner = ownName.value;
});

addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some((draft) => Object.keys(draft).length > 0)) event.preventDefault();
});

export interface Draft<T> {
  /** What differs from what is stored. */
  changes: Record<string, T>;
  /** Of a field, with what is stored: the same is no change. */
  set: (field: string, value: T, stored: T) => void;
  clear: () => void;
}

export function useDraft<T>(name: string): Draft<T> {
  const [, draw] = useState(0);
  const changes = (drafts.get(name) ?? {}) as Record<string, T>;
  const put = (changed: Record<string, T>) => {
    drafts.set(name, changed);
    draw((times) => times + 1);
  };
  return {
    changes,
    set: (field, value, stored) => {
      const { [field]: _, ...others } = (drafts.get(name) ?? {}) as Record<string, T>;
      put(JSON.stringify(value) === JSON.stringify(stored) ? others : { ...others, [field]: value });
    },
    clear: () => put({}),
  };
}
