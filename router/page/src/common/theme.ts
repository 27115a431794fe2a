// The theme: the system's, or the one that was chosen. early.ts sets it before the first paint.
import { signal } from "@preact/signals";
import { keep, kept } from "./storage";

export type Choice = "system" | "light" | "dark";
const NAME = "t3nets.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const read = (): Choice => {
  const found = kept(NAME);
  return found === "light" || found === "dark" ? found : "system";
};

export const choice = signal<Choice>(read());
/** The theme that shows. */
export const theme = signal<"light" | "dark">(document.documentElement.dataset["theme"] === "dark" ? "dark" : "light");

function show(): void {
  theme.value = choice.value === "system" ? (dark.matches ? "dark" : "light") : choice.value;
  document.documentElement.dataset["theme"] = theme.value;
}

export function choose(wanted: Choice): void {
  choice.value = wanted;
  keep(NAME, wanted === "system" ? null : wanted);
  show();
}

dark.addEventListener("change", show);
// Another tab chose.
addEventListener("storage", (event) => {
  if (event.key !== NAME && event.key !== null) return;
  choice.value = read();
  show();
});
