// What a panel shows comes by one call of its own: if it fails, the panel says why and no other is the worse for it.
import { Component } from "preact";
import { useCallback, useEffect, useId, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { ApiError, call, get, withQuery } from "../common/api";
import { ErrorNote } from "../common/note";
import { ownName, signIns } from "../common/session";

export interface Loaded<T> {
  /** What came last; kept while it is asked for anew. */
  value: T | undefined;
  error: unknown;
  busy: boolean;
  /** Whether the value is another path's: of another period, by something else. It keeps its place and is not shown. */
  isOld: boolean;
  reload: () => void;
  /** Puts an answer of another call in its place. */
  put: (value: T) => void;
}

/** What a path answers; `null` asks nothing. Asked anew for another path and another person. */
export function useLoad<T>(path: string | null): Loaded<T> {
  const [state, setState] = useState<{ path: string | null; of?: string | null; value?: T; error?: unknown; busy: boolean }>({ path, busy: path !== null });
  const [turn, setTurn] = useState(0);
  // Their name, not the object: that comes anew whenever it is asked who one is, and a form would lose what was typed.
  const who = ownName.value;
  useEffect(() => {
    if (path === null || who === null) return;
    const stop = new AbortController();
    setState((before) => ({ ...before, busy: true }));
    // Each load follows what somebody did: opened a view, chose a period, changed something.
    get<T>(path, stop.signal, true)
      .then((value) => setState({ path, of: path, value, busy: false }))
      .catch((error) => {
        // Another path's numbers must not stand under this one's name.
        if (!stop.signal.aborted) setState((before) => ({ path, ...(before.of === path && before.value !== undefined && { of: path, value: before.value }), error, busy: false }));
      });
    return () => stop.abort();
  }, [path, turn, who]);
  const reload = useCallback(() => setTurn((turn) => turn + 1), []);
  useEffect(() => {
    if (state.error instanceof ApiError && state.error.status === 401) reload();
  }, [signIns.value]);
  const put = useCallback((value: T) => setState((before) => ({ path: before.path, of: before.path, value, busy: false })), []);
  const own = state.path === path;
  return { value: state.value, error: own ? state.error : undefined, busy: state.busy || !own, isOld: state.of !== path && state.value !== undefined, reload, put };
}

/** A list that comes page by page. */
export function useList<T>(path: string, name: string, limit = 200) {
  const first = useLoad<Record<string, unknown>>(withQuery(path, { limit }));
  const [more, setMore] = useState<{ of: unknown; items: T[]; next: string | undefined; busy: boolean; error?: unknown }>();
  const here = more?.of === first.value ? more : undefined;
  const items = [...((first.value?.[name] as T[] | undefined) ?? []), ...(here?.items ?? [])];
  const next = here ? here.next : (first.value?.["next"] as string | undefined);
  const loadMore = async () => {
    if (!next || here?.busy) return;
    const base = { of: first.value, items: here?.items ?? [], next };
    setMore({ ...base, busy: true });
    try {
      const page = await get<Record<string, unknown>>(withQuery(path, { limit, after: next }), undefined, true);
      setMore({ of: first.value, items: [...base.items, ...(page[name] as T[])], next: page["next"] as string | undefined, busy: false });
    } catch (error) {
      setMore({ ...base, busy: false, error });
    }
  };
  /** Loads what is left, and gives all of it. */
  const loadAll = async (): Promise<readonly T[]> => {
    let base = { of: first.value as unknown, items: here?.items ?? [], next };
    const start = items.length - base.items.length;
    while (base.next && !here?.busy) {
      setMore({ ...base, busy: true });
      try {
        const page = await get<Record<string, unknown>>(withQuery(path, { limit: 200, after: base.next }), undefined, true);
        base = { of: base.of, items: [...base.items, ...(page[name] as T[])], next: page["next"] as string | undefined };
      } catch (error) {
        setMore({ ...base, busy: false, error });
        throw error;
      }
    }
    setMore({ ...base, busy: false });
    return [...items.slice(0, start), ...base.items];
  };
  return { ...first, items, hasMore: next !== undefined, busyMore: here?.busy ?? false, errorMore: here?.error, loadMore, loadAll };
}

export const send = <T,>(method: string, path: string, body?: unknown) => call<T>(method, path, body === undefined ? { asked: true } : { asked: true, body });

/** Whether there is nothing of the kind here: an older router's 404, whose panel is absent. */
export const isAbsent = (error: unknown) => error instanceof ApiError && error.code === "not_found";

interface MoreProps {
  list: { hasMore: boolean; busyMore: boolean; errorMore: unknown; loadMore: () => Promise<void>; loadAll: () => Promise<unknown> };
  /** Whether all of it may be asked for at once. */
  all?: boolean;
}

/** Below a list that comes page by page. */
export function More({ list, all }: MoreProps): JSX.Element {
  return (
    <>
      {list.errorMore !== undefined && <ErrorNote error={list.errorMore} />}
      {list.hasMore && (
        <div class="more">
          <button type="button" class="btn small" disabled={list.busyMore} onClick={() => void list.loadMore()}>
            {list.busyMore ? "Loading…" : "Show more"}
          </button>
          {all && (
            <button type="button" class="btn small" disabled={list.busyMore} onClick={() => void list.loadAll().catch(() => undefined)}>
              Load all
            </button>
          )}
        </div>
      )}
    </>
  );
}

interface PanelProps<T> {
  title: string;
  class?: string;
  load: Loaded<T>;
  /** Beside the heading. */
  tools?: ComponentChildren;
  /** How many lines wait in its place. */
  lines?: number;
  children: (value: T) => ComponentChildren;
}

export function Panel<T>({ title, class: kind = "", load, tools, lines = 3, children }: PanelProps<T>): JSX.Element {
  const name = useId();
  return (
    <section class={`card ${kind}`} aria-labelledby={name} aria-busy={load.busy}>
      <header>
        <h2 id={name}>{title}</h2>
        {tools && <div class="tools">{tools}</div>}
      </header>
      {load.error !== undefined && load.error !== null && <ErrorNote error={load.error} onAgain={load.reload} busy={load.busy} />}
      {load.value !== undefined ? (
        <div class={load.isOld ? "old" : load.busy ? "stale" : undefined}>
          <Guard of={load.value}>{() => children(load.value!)}</Guard>
        </div>
      ) : (
        load.busy && <Waiting lines={lines} />
      )}
    </section>
  );
}

/** Keeps what cannot be drawn to its panel: an answer of another form than expected, of a proxy or another release. */
class Guard extends Component<{ of: unknown; children: () => ComponentChildren }, { failed: unknown }> {
  override state = { failed: undefined as unknown };

  override componentDidCatch(): void {
    this.setState({ failed: this.props.of });
  }

  render() {
    return this.state.failed === this.props.of ? <ErrorNote error={null} /> : <Drawn>{this.props.children}</Drawn>;
  }
}

const Drawn = ({ children }: { children: () => ComponentChildren }) => <>{children()}</>;

export function Waiting({ lines = 3 }: { lines?: number }): JSX.Element {
  return (
    <div class="waiting">
      <span class="hidden">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}
