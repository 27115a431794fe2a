// A block of code: its language, copying, and colours once it is whole.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { CopyButton } from "../common/copy";
import { whenIdle, withNextFrame } from "../common/drawing";

/** A piece of code with what it is. */
export interface Colored {
  scope?: string;
  children: (string | Colored)[];
}

/** Colouring more takes longer than anybody waits. */
const MOST = 20_000;

export function Code({ text, language, isOpen }: { text: string; language: string; isOpen: boolean }): JSX.Element {
  const [colored, setColored] = useState<{ text: string; tree: Colored } | null>(null);
  useEffect(() => {
    if (isOpen || !language || text.length > MOST) return;
    let isGone = false;
    const cancel = whenIdle(() => {
      import("./highlight")
        .then(({ highlight }) => {
          const tree = isGone ? null : highlight(text, language);
          if (tree) withNextFrame(() => isGone || setColored({ text, tree }));
        })
        .catch(() => {
          // Without colours it reads as well.
        });
    });
    return () => {
      isGone = true;
      cancel();
    };
  }, [text, language, isOpen]);
  return (
    <div class="code">
      <header>
        <span>{language || "Text"}</span>
        <CopyButton text={text} label="Copy the code" />
      </header>
      <pre tabIndex={0} role="group" aria-label={language ? `Code, ${language}` : "Code"}>
        <code>{colored?.text === text ? shown(colored.tree) : text}</code>
      </pre>
    </div>
  );
}

function shown(tree: Colored): ComponentChildren {
  return tree.children.map((child) => (typeof child === "string" ? child : child.scope ? <span class={`h-${child.scope.split(/[.:]/)[0]}`}>{shown(child)}</span> : shown(child)));
}
