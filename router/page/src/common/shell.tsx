// The frame around every page: brand, side, user and theme; on a phone the side comes over the page.
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { Confirmations } from "./dialog";
import { Icon, type IconName } from "./icons";
import { ErrorNote, Note, Toasts, toast } from "./note";
import { RecoveryCode } from "./recovery";
import { SignIn, SignedOut, absent, failure, loadMe, me, offersRecovery, signOut, signingIn, team } from "./session";
import { choice, choose, theme, type Choice } from "./theme";

// Of use to some pages, and in the part that all share: one that is theirs alone would be a file more.
export { Markdown, loadMarkdown, markdownReady } from "./markdown";

export type Page = "chat" | "dashboard" | "setup";

interface ShellProps {
  page: Page;
  /** The heading in the bar. */
  title: string;
  /** At the bar's end. */
  chip?: ComponentChildren;
  /** Below "New chat": the conversations. */
  list?: ComponentChildren;
  /** Begins a conversation without loading the page; a link to it otherwise. */
  onNew?: () => void;
  children: ComponentChildren;
}

const recovering = signal(false);

/** Whether the side is over the page, on a phone. */
export const sideOpen = signal(false);

export function Shell({ page, title, chip, list, onNew, children }: ShellProps): JSX.Element {
  const who = me.value;
  const side = useRef<HTMLElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  const brand = team.value || "T3nets";
  useEffect(() => {
    document.title = `${title} · ${brand}`;
  }, [title, brand]);
  useEffect(() => {
    // Wider than a phone the side is always there.
    const wide = matchMedia("(min-width: 761px)");
    const close = () => (sideOpen.value = false);
    wide.addEventListener("change", close);
    return () => wide.removeEventListener("change", close);
  }, []);
  useLayoutEffect(() => {
    if (sideOpen.value) side.current?.querySelector<HTMLElement>("a, button")?.focus();
    else if (wasOpen.current) opener.current?.focus();
    wasOpen.current = sideOpen.value;
  }, [sideOpen.value]);
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !sideOpen.value || event.defaultPrevented) return;
    event.preventDefault();
    sideOpen.value = false;
  };
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.key.toLowerCase() !== "o" || !event.shiftKey || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      event.preventDefault();
      side.current?.querySelector<HTMLElement>(".new")?.click();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  const begin = (event: Event) => {
    sideOpen.value = false;
    if (!onNew) return;
    event.preventDefault();
    onNew();
  };
  return (
    <>
      <div class={sideOpen.value ? "app open" : "app"} onKeyDown={key}>
        {!sideOpen.value && (
          <a class="skip" href="#main">
            Skip to the page
          </a>
        )}
        <aside class="side" id="side" ref={side} aria-label="Conversations and account">
          <a class="brand" href="/">
            <Icon name="logo" weight={1.6} />
            <span class="name">{brand}</span>
            {team.value && <small>T3nets</small>}
          </a>
          <a class="new" href="/" onClick={begin} aria-keyshortcuts="Control+Shift+O Meta+Shift+O" title={`New chat (${isMac ? "⇧⌘O" : "Ctrl+Shift+O"})`}>
            <Icon name="plus" />
            New chat
          </a>
          <div class="slot">{list ?? (who?.user && <OtherList />)}</div>
          <Account page={page} />
        </aside>
        <button class="veil" type="button" tabIndex={-1} aria-label="Close the menu" onClick={() => (sideOpen.value = false)} />
        <main class="main" id="main" tabIndex={-1} inert={sideOpen.value}>
          <header class="bar">
            <button ref={opener} type="button" class="icon menu" aria-label="Menu" aria-expanded={sideOpen.value} aria-controls="side" onClick={() => (sideOpen.value = true)}>
              <Icon name="menu" />
            </button>
            <h1>{title}</h1>
            {chip}
          </header>
          {page !== "chat" && who && absent.value === "signed out" && (
            <div class="blank offer">
              <SignedOut />
            </div>
          )}
          {who?.user && offersRecovery.value && (
            <div class="blank offer">
              <Note
                kind="info"
                actions={
                  <>
                    <button type="button" onClick={() => (recovering.value = true)}>
                      Create a recovery code
                    </button>
                    <button type="button" onClick={() => (offersRecovery.value = false)}>
                      Not now
                    </button>
                  </>
                }
              >
                Your link worked once and is used up. A recovery code gets you back in when your session is over.
              </Note>
            </div>
          )}
          {absent.value === "failed" || absent.value === "no network" ? (
            <div class="blank">
              <ErrorNote error={failure.value} onAgain={() => void loadMe()} />
            </div>
          ) : (
            children
          )}
        </main>
      </div>
      <SignIn />
      <Confirmations />
      <Toasts />
    </>
  );
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function initials(name: string): string {
  const words = name.split(/[\s._@-]+/).filter(Boolean);
  return [words[0], words.length > 1 ? words[words.length - 1] : undefined].map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}

function Account({ page }: { page: Page }): JSX.Element {
  const who = me.value;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  // Gone with the menu, so that the next Esc is another's.
  useLayoutEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
      box.current?.querySelector<HTMLElement>(".who")?.focus();
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    document.addEventListener("keydown", escape, true);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
      document.removeEventListener("keydown", escape, true);
    };
  }, [open]);
  const leave = async () => {
    setOpen(false);
    try {
      await signOut();
    } catch {
      toast("Signing out did not work. Try again.");
    }
  };
  const known = who?.user ?? null;
  const name = known ? known.display_name || known.user_id : who ? "Not signed in" : "";
  const role = known ? (who!.role === "admin" ? "Administrator" : "Member") : who ? "Chats are not kept" : "";
  return (
    <div class="me" ref={box}>
      {recovering.value && <RecoveryCode onClose={() => (recovering.value = offersRecovery.value = false)} />}
      {who ? (
        <button type="button" class="who" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span class="hidden">Account: </span>
          <span class="av" aria-hidden="true">{known ? initials(name) : "–"}</span>
          <span class="is">
            <b>{name}</b>
            <span>{role}</span>
          </span>
        </button>
      ) : (
        absent.value === "signed out" && (
          <button type="button" class="btn" onClick={() => (signingIn.value = true)}>
            Sign in
          </button>
        )
      )}
      {open && (
        <div class="pop">
          <fieldset>
            <legend>Theme</legend>
            <div class="seg" role="group" aria-label="Theme">
              {(["system", "light", "dark"] as Choice[]).map((wanted) => (
                <button key={wanted} type="button" aria-pressed={choice.value === wanted} onClick={() => choose(wanted)}>
                  {wanted === "system" ? "System" : wanted === "light" ? "Light" : "Dark"}
                </button>
              ))}
            </div>
          </fieldset>
          {page !== "setup" && who?.may_administer && (
            <a class="row" href="/setup">
              <Icon name="gear" />
              Set up
            </a>
          )}
          {who?.by === "session" && (
            <button type="button" class="row" onClick={() => ((recovering.value = true), setOpen(false))}>
              <Icon name="key" />
              Recovery code
            </button>
          )}
          {who?.by === "session" && (
            <button type="button" class="row" onClick={leave}>
              <Icon name="out" />
              Sign out
            </button>
          )}
          {who?.by !== "session" && (
            <button type="button" class="row" onClick={() => ((signingIn.value = true), setOpen(false))}>
              <Icon name="out" />
              Sign in
            </button>
          )}
        </div>
      )}
      <nav aria-label="Pages">
        {page !== "chat" && <PageLink href="/" icon="chat" label="Chat" />}
        {page !== "dashboard" && known && <PageLink href="/dashboard" icon="chart" label={who?.may_administer ? "Dashboard" : "Your account"} />}
        <button type="button" class="icon" aria-label={theme.value === "dark" ? "Light theme" : "Dark theme"} title={theme.value === "dark" ? "Light theme" : "Dark theme"} onClick={() => choose(theme.value === "dark" ? "light" : "dark")}>
          <Icon name={theme.value === "dark" ? "sun" : "moon"} />
        </button>
      </nav>
    </div>
  );
}

/** The conversations beside a page that is about something else: loaded after it. */
function OtherList(): JSX.Element | null {
  const [part, setPart] = useState<{ List: () => JSX.Element } | null>(null);
  useEffect(() => {
    // Without it the page is whole all the same.
    import("../chat/list").then(({ ListOfLinks }) => setPart({ List: ListOfLinks }), () => {});
  }, []);
  return part && <part.List />;
}

function PageLink({ href, icon, label }: { href: string; icon: IconName; label: string }): JSX.Element {
  return (
    <a class="icon" href={href} aria-label={label} title={label}>
      <Icon name={icon} />
    </a>
  );
}
