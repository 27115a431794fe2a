// What was typed on this page, kept in this browser for its person, so that going back, reloading and leaving lose
// nothing but the token: a secret is kept nowhere.
import { signal } from "@preact/signals";
import { ownName } from "../common/session";
import { keep, kept } from "../common/storage";

export interface Typed {
  url: string;
  email: string;
  board: string;
  project: string;
}

const NOTHING: Typed = { url: "", email: "", board: "", project: "" };
// Below `t3nets.own/`, what signing out removes.
const place = () => (ownName.value ? `t3nets.own/${ownName.value}/setup` : null);

export function remembered(): Partial<Typed> {
  const name = place();
  try {
    const found: unknown = JSON.parse((name && kept(name)) ?? "null");
    return found !== null && typeof found === "object" ? Object.fromEntries(Object.entries(found).filter(([field, value]) => field in NOTHING && typeof value === "string")) : {};
  } catch {
    return {};
  }
}

export function remember(typed: Typed | null): void {
  const name = place();
  if (name) keep(name, typed && JSON.stringify(typed));
}

export const STEPS = ["team", "jira", "question", "people"] as const;
export type Step = (typeof STEPS)[number];

const read = (): Step | null => STEPS.find((step) => step === new URLSearchParams(location.search).get("step")) ?? null;
/** The step that the address names: back and forward go through them. */
export const asked = signal<Step | null>(read());
addEventListener("popstate", () => (asked.value = read()));

export function goTo(step: Step): void {
  history.pushState(null, "", `${location.pathname}?step=${step}`);
  asked.value = step;
  document.getElementById("step")?.focus();
  document.querySelector(".sheet")?.scrollTo(0, 0);
}
