// Before the first paint: the theme that was chosen, so that nothing flashes; a one-time link's token, and what a sign-in
// elsewhere came back with, out of the address, before any request could carry it on; and a page whose files are not there is loaded again.
let theme: string | null = null;
try {
  theme = localStorage.getItem("t3nets.theme");
} catch {
  // Storage is off: the system's theme holds.
}
if (theme !== "light" && theme !== "dark") {
  theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
document.documentElement.dataset["theme"] = theme;
const link = /^#link=([!-~]{1,256})$/.exec(location.hash);
if (link) {
  history.replaceState(null, "", location.pathname + location.search);
  (window as unknown as { t3netsLink?: string }).t3netsLink = link[1]!;
}
const came = location.pathname + location.search;
const back = /^\/oauth\/callback\/([a-z0-9-]{1,64})$/.exec(location.pathname);
if (back) {
  (window as unknown as { t3netsBack?: object }).t3netsBack = { ...Object.fromEntries(new URLSearchParams(location.search)), name: back[1] };
  history.replaceState(null, "", `/dashboard?view=connections&card=${back[1]}`);
}

// While a deployment replaces the router, a page of one version may be answered by one router and its files by
// another, which does not have them.
const PAUSE_MS = 1_000;
const MOST_TRIES = 120;
let isWaiting = false;
function again(): void {
  if (link) history.replaceState(null, "", location.pathname + location.search + link[0]);
  if (back) history.replaceState(null, "", came);
  location.reload();
}
addEventListener(
  "error",
  (event) => {
    const missing = event.target;
    if (isWaiting || !(missing instanceof HTMLScriptElement || (missing instanceof HTMLLinkElement && missing.rel === "stylesheet"))) return;
    isWaiting = true;
    let tries = 0;
    try {
      tries = Number(sessionStorage.getItem("t3nets.tries"));
      sessionStorage.setItem("t3nets.tries", String(tries + 1));
    } catch {
      // Storage is off: it is tried for as long as the page is open.
    }
    const say = () => {
      const note = document.createElement("p");
      note.textContent = tries < MOST_TRIES ? "T3nets is being updated. This page loads again by itself." : "This page could not be loaded. Reload it, or come back later.";
      document.getElementById("page")!.hidden = true;
      document.body.prepend(note);
    };
    if (document.body) say();
    else addEventListener("DOMContentLoaded", say);
    if (tries < MOST_TRIES) setTimeout(again, PAUSE_MS);
  },
  true,
);
addEventListener("load", () => {
  if (isWaiting) return;
  try {
    sessionStorage.removeItem("t3nets.tries");
  } catch {
    // Storage is off.
  }
});
