// Copying. `navigator.clipboard` is there in a secure context alone (not at http://10.0.0.5:8080): elsewhere
// the older way copies.
import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Icon } from "./icons";

export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused: the older way may be allowed.
  }
  return copyBySelection(text);
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  area.setAttribute("aria-hidden", "true");
  // Inside an open dialog, what is outside of it takes no focus.
  (before?.closest("dialog") ?? document.body).append(area);
  area.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    // Said by the caller.
  }
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return done;
}

/** Bubbles up from what was copied. */
export const COPIED = "t3nets-copied";

interface Props {
  /** What is copied; asked for at the click. */
  text: string | (() => string);
  /** What is copied, for its name: "Copy the code". */
  label: string;
  /** Beside the icon, where there is room for words. */
  words?: string;
  /** What one should do first: in the accent's colour, until it was done. */
  isFirst?: boolean;
  onCopied?: (() => void) | undefined;
}

const SAID_MS = 2000;

export function CopyButton({ text, label, words, isFirst, onCopied }: Props): JSX.Element {
  const [said, setSaid] = useState<"" | "copied" | "refused">("");
  const timer = useRef<number>(0);
  const [wasCopied, setWasCopied] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const done = await copyText(typeof text === "string" ? text : text());
    setSaid(done ? "copied" : "refused");
    if (done) {
      setWasCopied(true);
      onCopied?.();
      box.current?.dispatchEvent(new Event(COPIED, { bubbles: true }));
    }
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setSaid(""), done ? SAID_MS : SAID_MS * 3);
  };
  const result = said === "copied" ? "Copied" : said === "refused" ? "The browser does not allow it: select the text and copy it" : "";
  return (
    <span class="copy" ref={box}>
      <button type="button" class={words ? `btn${isFirst === undefined ? " small" : ""}${isFirst && !wasCopied ? " p" : ""}` : "icon"} aria-label={words ? undefined : label} title={words ? undefined : label} onClick={copy}>
        <Icon name={said === "copied" ? "check" : "copy"} />
        {words}
      </button>
      <span class="said" role="status">{result}</span>
    </span>
  );
}
