// A "⋯" button and what it opens. Its place is the window's, so that no box around it cuts it off.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Icon, type IconName } from "./icons";

interface Item {
  label: string;
  icon: IconName;
  pick: () => void;
}

interface MenuProps {
  label: string;
  items: Item[];
  class?: string;
  style?: Record<string, string>;
}

export function Menu({ label, items, class: name, style }: MenuProps): JSX.Element {
  const [place, setPlace] = useState<{ top: number; right: number } | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!place) return;
    const box = list.current!.getBoundingClientRect();
    if (box.bottom > innerHeight - 8) list.current!.style.top = `${Math.max(8, button.current!.getBoundingClientRect().top - box.height - 4)}px`;
    list.current!.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
  }, [place]);
  useLayoutEffect(() => {
    if (!place) return;
    const away = (event: Event) => {
      if (!list.current?.contains(event.target as Node) && !button.current?.contains(event.target as Node)) setPlace(null);
    };
    const key = (event: KeyboardEvent) => {
      const all = [...list.current!.querySelectorAll<HTMLElement>("button")];
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (event.key === "Escape") {
        setPlace(null);
        button.current?.focus({ preventScroll: true });
      } else if (step !== 0) {
        all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    };
    const close = () => setPlace(null);
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    document.addEventListener("keydown", key, true);
    document.addEventListener("scroll", close, true);
    addEventListener("resize", close);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
      document.removeEventListener("keydown", key, true);
      document.removeEventListener("scroll", close, true);
      removeEventListener("resize", close);
    };
  }, [place]);
  const toggle = () => {
    const box = button.current!.getBoundingClientRect();
    setPlace(place ? null : { top: box.bottom + 4, right: Math.max(8, innerWidth - box.right) });
  };
  return (
    <div class={name ? `menuof ${name}` : "menuof"} style={style}>
      <button ref={button} type="button" class="icon" aria-label={label} title="More" aria-haspopup="menu" aria-expanded={place !== null} onClick={toggle}>
        <Icon name="more" weight={2.6} />
      </button>
      {place && (
        <div ref={list} class="pop fixed" role="menu" aria-label={label} style={{ top: `${place.top}px`, right: `${place.right}px` }}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              class="row"
              onClick={() => {
                setPlace(null);
                button.current?.focus({ preventScroll: true });
                item.pick();
              }}
            >
              <Icon name={item.icon} />
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
