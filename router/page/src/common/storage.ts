// What the browser keeps for a page. It may be switched off or full: then nothing is kept, and the
// page works all the same.

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text; removes it where it is null or empty. */
export function keep(name: string, text: string | null): void {
  try {
    if (text) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch {
    // Off or full.
  }
}

/** Removes everything whose name begins so. */
export function drop(start: string): void {
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith(start)) localStorage.removeItem(name);
  } catch {
    // Off: then there is nothing.
  }
}
