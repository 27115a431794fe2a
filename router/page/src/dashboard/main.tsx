import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { draw } from "../common/drawing";
import { Note } from "../common/note";
import { SignInButton, absent, loadMe, me } from "../common/session";
import { Shell } from "../common/shell";
import { Audit } from "./audit";
import { Channels } from "./channels";
import { Connections } from "./connections";
import { Integrations } from "./integrations";
import { Keys } from "./keys";
import { Waiting } from "./load";
import { Overview } from "./overview";
import { Own } from "./own";
import { People } from "./people";
import { addressWith, at, follow } from "./place";
import { Settings } from "./settings";
import { Triggers } from "./triggers";

const VIEWS: Record<string, { label: string; show: () => JSX.Element }> = {
  overview: { label: "Overview", show: Overview },
  people: { label: "People", show: People },
  keys: { label: "Keys and sessions", show: Keys },
  integrations: { label: "Integrations", show: Integrations },
  channels: { label: "Channels", show: Channels },
  triggers: { label: "Triggers", show: Triggers },
  settings: { label: "Settings", show: Settings },
  connections: { label: "Your connections", show: Connections },
  audit: { label: "Audit", show: Audit },
};
/** Those of whoever administers nothing. */
const OWN_VIEWS: typeof VIEWS = {
  overview: { label: "Your usage", show: Own },
  connections: VIEWS["connections"]!,
};

function Views({ views, label }: { views: typeof VIEWS; label: string }) {
  const asked = at("view") ?? "overview";
  const view = Object.hasOwn(views, asked) ? asked : "overview";
  const Shown = views[view]!.show;
  return (
    <>
      <Strip shown={view} label={label}>
        {Object.entries(views).map(([name, { label }]) => {
          const changes = { view: name === "overview" ? null : name, card: null };
          return (
            <a key={name} href={addressWith(changes)} data-label={label} aria-current={name === view ? "page" : undefined} onClick={(event) => follow(event, changes)}>
              {label}
            </a>
          );
        })}
      </Strip>
      <Shown key={view} />
    </>
  );
}

/** The views' links: on a phone they scroll, fade out where there are more, and the one that shows is in sight. */
function Strip({ shown, label, children }: { shown: string; label: string; children: ComponentChildren }) {
  const nav = useRef<HTMLElement>(null);
  const [more, setMore] = useState("");
  const look = () => {
    const { scrollLeft, clientWidth, scrollWidth } = nav.current!;
    setMore(`${scrollLeft > 1 ? " before" : ""}${scrollLeft + clientWidth < scrollWidth - 1 ? " after" : ""}`);
  };
  useLayoutEffect(() => {
    const box = nav.current!;
    const link = box.querySelector<HTMLElement>("[aria-current]")!;
    box.scrollLeft = link.offsetLeft - (box.clientWidth - link.offsetWidth) / 2;
    look();
  }, [shown]);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(nav.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <nav class={`views${more}`} aria-label={label} ref={nav} onScroll={look}>
      {children}
    </nav>
  );
}

/** What one may see. Until that is known nothing of an admin's frame is in the document. */
function Content() {
  const who = me.value;
  if (!who) return absent.value === "loading" ? <Waiting lines={4} /> : null;
  if (!who.user) {
    return (
      <Note kind="info" actions={<SignInButton />}>
        Usage is only recorded for people who are signed in. Sign in to see yours, and as an administrator your team’s.
      </Note>
    );
  }
  if (who.may_administer) return <Views views={VIEWS} label="Administration" />;
  const off = who.role === "admin" && <Note kind="info">Administration on this page is off in this environment. The operator does it from the command line, or turns it on with admin_api = true.</Note>;
  return (
    <>
      {off}
      <Views views={OWN_VIEWS} label="Yours" />
    </>
  );
}

function Dashboard() {
  const isOwn = me.value !== null && !me.value.may_administer;
  return (
    <Shell page="dashboard" title={isOwn ? "Your account" : "Dashboard"}>
      <div class="sheet">
        <div class="page">
          <Content />
        </div>
      </div>
    </Shell>
  );
}

void loadMe();
draw(<Dashboard />);
