// Before the first paint: the theme that was chosen, so that nothing flashes; and a one-time link's
// token out of the address, before any request could carry it on.
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
