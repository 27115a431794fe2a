// What people paste into the form, taken apart.

/** The number of a board out of its address or as it is; `null` if there is none in it. */
export function boardIn(text: string): { board: string; site: string | null } | null {
  const given = text.trim();
  if (/^\d{1,19}$/.test(given)) return { board: given, site: null };
  let address: URL;
  try {
    address = new URL(/^[a-z]+:\/\//i.test(given) ? given : `https://${given}`);
  } catch {
    return null;
  }
  // Team- and company-managed projects have /boards/12; older addresses and links out of mail have ?rapidView=12.
  const board = /\/boards\/(\d{1,19})(?:\/|$)/.exec(address.pathname)?.[1] ?? address.searchParams.get("rapidView") ?? address.searchParams.get("boardId");
  return board !== null && board !== undefined && /^\d{1,19}$/.test(board) ? { board, site: address.origin } : null;
}

/** The site's own address out of any page's of it: `https://acme.atlassian.net`. `null` if it is none. */
export function siteIn(text: string): string | null {
  const given = text.trim();
  if (given === "" || /\s/.test(given)) return null;
  let address: URL;
  try {
    address = new URL(/^[a-z]+:\/\//i.test(given) ? given : `https://${given}`);
  } catch {
    return null;
  }
  if (!["https:", "http:"].includes(address.protocol) || address.username || address.password) return null;
  if (address.protocol === "http:" && !isLoopback(address.hostname)) return null;
  if (!address.hostname.includes(".") && !isLoopback(address.hostname)) return null;
  // Behind Atlassian's gateway the site is a part of the path: https://api.atlassian.com/ex/jira/ID.
  const gateway = /^\/ex\/jira\/[0-9a-f-]+/.exec(address.pathname);
  return address.hostname === "api.atlassian.com" && gateway ? `${address.origin}${gateway[0]}` : address.origin;
}

const isLoopback = (host: string) => host === "localhost" || host === "[::1]" || /^127\./.test(host);

/** A token without what copying brings along: spaces, line ends, marks that cannot be seen. */
export const tokenIn = (text: string) => text.replace(/[\s\u200B-\u200D\u2060\uFEFF]/gu, "");

/** What is wrong with an e-mail address; `null` if nothing is. */
export function emailProblem(text: string): string | null {
  const given = text.trim();
  if (given === "") return "Enter the e-mail address of the Jira account.";
  return isEmail(given) ? null : "This is not an e-mail address.";
}

export const isEmail = (text: string) => /^[^\s@]+@([^\s@]+\.[^\s@]+|localhost)$/.test(text.trim());
