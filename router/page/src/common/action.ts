// What somebody does on a page: one call at a time, and its error where it was asked for.
import { useRef, useState } from "preact/hooks";

export interface Action {
  /** Does it, unless it is under way. */
  run: (work: () => Promise<unknown>) => Promise<void>;
  busy: boolean;
  error: unknown;
}

/** What changes something: one call at a time, whatever is clicked. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const running = useRef(false);
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (caught) {
      setError(caught);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, busy, error };
}
