// What the entries of the audit trail say to a person.
import { LABELS } from "../common/names";

export interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
}

const INTEGRATIONS: Record<string, string> = { jira: "Jira", anthropic: "Anthropic", openai: "OpenAI" };
const SECRETS: Record<string, string> = { set: "saved", remove: "removed", restore: "restored" };
const CHANNELS: Record<string, string> = { slack: "Slack", teams: "Microsoft Teams", telegram: "Telegram" };
const FIELDS: Record<string, string> = { name: "name", email: "e-mail", display_name: "name", role: "role" };
const TENANT: Record<string, string> = {
  add: "The team was created",
  seed: "The team was created with its first administrator",
  suspend: "The team was suspended",
  resume: "The team may use T3nets again",
  remove: "The team was removed",
  purge: "The team’s data was deleted for good",
  export: "The team’s data was exported",
  import: "The team’s data was imported",
  questions: "The questions that no rule answered were looked at",
};
/** What begins so is no key of a program. */
const TOKENS: Record<string, readonly [string, string]> = { t3s_: ["session", "sessions"], t3i_: ["sign-in link", "sign-in links"], t3r_: ["recovery code", "recovery codes"] };

/** `id (email, role)`: of what, and what of it. */
function parts(target: string): { of: string; fields: string } {
  const [, of, fields] = /^(.*?)(?: \(([^)]*)\))?$/.exec(target) ?? [];
  return { of: of ?? target, fields: (fields ?? "").split(", ").filter(Boolean).map((field) => field.replace(/^budget /, "")).map((field) => FIELDS[field] ?? LABELS[field] ?? field).join(", ") };
}

const owner = (target: string) => / (?:for|of) ([^,]+)/.exec(target)?.[1];

/** What a revocation took away: sessions and links are revoked as keys are. */
function revoked(target: string): string {
  const [one, many] = TOKENS[target.slice(0, 4)] ?? ["API key", "API keys"];
  const of = owner(target);
  if (!of) return target.includes(", ") ? `${many.charAt(0).toUpperCase()}${many.slice(1)} were revoked` : `${one === "API key" ? "An" : "A"} ${one} was revoked`;
  return one === "session" ? `A session of ${of} was ended` : `${one === "API key" ? "An" : "A"} ${one} of ${of} was revoked`;
}

/** `secret.set:done` is the change `secret.set` in a state. */
export function stateOf(action: string): { base: string; state: string } {
  const [base, state] = action.split(":");
  return { base: base!, state: state ?? "" };
}

/** An entry in words; of an action that this page does not know, null. */
export function worded({ action, target }: Entry): string | null {
  const { base, state } = stateOf(action);
  const [kind, what] = base.split(".") as [string, string];
  const { of, fields } = parts(target);
  const tail = state === "intended" ? " – begun, and not known to have finished" : state === "failed" ? " – this failed" : "";
  const said = (() => {
    if (kind === "secret" && SECRETS[what]) return `${INTEGRATIONS[target] ?? target}’s credentials were ${SECRETS[what]}`;
    if (kind === "user_secret" && SECRETS[what]) return `The token of ${owner(target) ?? "a user"} for ${target.split(" ")[0]} was ${SECRETS[what]}`;
    if (kind === "tenant") return what === "set" ? `Settings were changed${fields ? `: ${fields}` : ""}` : TENANT[what];
    if (base === "tool.run") return `The tool ${target.slice(target.indexOf("/") + 1)} of ${target.split("/")[0]} was run after a yes`;
    if (base === "user.add") return `${of} was added`;
    if (base === "user.set") return `${of} was changed${fields ? `: ${fields}` : ""}`;
    if (base === "user.export") return `What is kept of ${of} was exported`;
    if (base === "user.remove") return `${of} was removed`;
    if (base === "key.create") return `An API key for ${owner(target) ?? target} was created`;
    if (base === "key.set") return `The budgets of an API key of ${owner(of) ?? of} were changed${fields ? `: ${fields}` : ""}`;
    if (base === "key.revoke") return revoked(target);
    if (base === "link.create") return `A sign-in link for ${owner(target) ?? target} was created`;
    if (base === "recovery_code.create") return `A recovery code of ${owner(target) ?? target} was created`;
    if (base === "session.open") return `${owner(target) ?? target} signed in`;
    if (base === "session.renew") return `${owner(target) ?? target} stayed signed in`;
    if (kind === "channel") {
      const name = Object.keys(CHANNELS).find((name) => target.includes(name));
      const channel = name ? `A ${CHANNELS[name]} channel` : "A channel";
      return what === "map" ? `${channel} was connected` : what === "unmap" ? `${channel} was disconnected` : undefined;
    }
    return undefined;
  })();
  return said ? said + tail : null;
}

/** Who, without the word that tells people from operators. */
export function actorOf(actor: string): { name: string; how: string } {
  const [kind, ...rest] = actor.split(":");
  const name = rest.join(":");
  if (!name) return { name: actor, how: "" };
  return { name, how: kind === "operator" ? "command line" : kind === "user" ? "" : kind! };
}

/** Without the beginnings of what has ended: the end says all of it. The newest comes first. */
export function joined(entries: readonly Entry[]): Entry[] {
  const ended = new Map<string, number>();
  return entries.filter((entry) => {
    const { base, state } = stateOf(entry.action);
    const key = `${base} ${entry.actor} ${entry.target}`;
    const open = ended.get(key) ?? 0;
    if (state === "done" || state === "failed") ended.set(key, open + 1);
    if (state !== "intended" || open === 0) return true;
    ended.set(key, open - 1);
    return false;
  });
}
