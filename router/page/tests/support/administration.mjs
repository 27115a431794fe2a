// What an admin administers, for the scripted server: something of each kind, and each in the states that it can have.
import { NOW, PEOPLE, TODAY, budget as standing, limits } from "./ledger.mjs";

const at = (days) => new Date(NOW.getTime() + days * 86_400_000).toISOString();
const key = (kind, name, more = {}) => ({ prefix: `t3${kind === "session" ? "s" : kind === "link" ? "i" : "n"}_abcdefgh`, user_id: "ada", kind, name, role: "admin", state: "active", created_at: at(-3), expires_at: at(27), hash: `${kind} ${name}`, current: false, ...more });

const keys = [
  key("key", "release bot", { role: "member", expires_at: null }),
  key("key", "", { state: "expired", expires_at: at(-1) }),
  key("session", "signed in with a key", { current: true }),
  key("session", "signed in with a link", { user_id: "mei", role: "member" }),
  key("link", "", { user_id: "bob" }),
];

const field = (name, value, more = {}) => ({ name, description: `${name} of the account`, is_secret: false, is_optional: false, is_set: value !== null, value, ...more });
const integration = (name, fields, more = {}) => ({ name, connected: false, can_test: true, updated_at: null, deleted_for_good_at: null, fields, ...more });
const integrations = [
  integration("jira", [field("url", "https://acme.atlassian.net"), field("email", "bot@acme.example"), field("api_token", null, { is_secret: true, is_set: true }), field("board_id", "7"), field("project_key", null, { is_optional: true })], { connected: true, updated_at: at(-9) }),
  integration("anthropic", [field("api_key", null, { is_secret: true }), field("base_url", null, { is_optional: true })]),
  integration("openai", [field("base_url", null, { is_optional: true })], { deleted_for_good_at: at(20) }),
];

const setting = (name, meaning, rule, value = null) => ({ name, meaning, rule, value });
const budget = (name) => setting(name, `so many of it [default: ${name === "messages_per_day" ? "1000" : "no limit"}]`, name.includes("usd") ? "must be a number from 0 to 1000000, such as 25 or 2.5" : "must be a whole number from 0 to 1000000000", name === "messages_per_day" ? 250 : null);
const settings = [
  setting("ai_provider", "who answers [default: the router's own]", "must be one of bedrock, anthropic, openai, offline"),
  setting("ai_model", "the model that answers [default: the router's own]", "must be a model's name or id, without spaces"),
  setting("system_prompt_override", "instructions in place of the built-in ones [default: those]", "must be a text of 1 to 32768 bytes"),
  setting("enabled_skills", "the skills that may be used [default: all]", "must be a list of ping, sprint_status, separated by commas", ["ping"]),
  ...["", "user_"].flatMap((payer) => ["messages", "tokens", "usd"].flatMap((unit) => ["day", "month"].map((period) => budget(`${payer}${unit}_per_${period}`)))),
  budget("key_tokens_per_day"),
];

/** The field of a budget, in its group. */
export const budgetField = (page, group, name) => page.getByRole("group", { name: group, exact: true }).getByRole("textbox", { name, exact: true });

/** How the budgets of one person or key stand: of each unit another case. */
function budgetsOfOne() {
  const cases = { messages_per_day: [18, 20, null], tokens_per_day: [41_200, null, null], usd_per_day: [1.25, 5, 5], messages_per_month: [230, null, "unlimited", 400], tokens_per_month: [2e6, 2e6, null], usd_per_month: [12.5, 12, 12] };
  return Object.entries(cases).map(([name, [used, limit, own, everyones = own === null ? limit : null]]) => {
    const { unit, period, is_warning, resets_at } = standing(name, used, limit ?? Infinity);
    return { name, unit, period, own, everyones, limit, used, is_warning, resets_at };
  });
}

const trigger = (skill, action, phrase, words, more = {}) => ({ phrase, skill, action, origin: "built_in", state: "enabled", words: [words], ...more });
/** Triggers of every kind: the team's own, one of a question, one that is off, one that this release does not have. */
export const triggers = () => [
  trigger("sprint_status", "status", "standup report", "standup report", { origin: "own" }),
  trigger("ping", null, "ping", "ping"),
  trigger("sprint_status", "status", "sprint board", "sprint board"),
  trigger("sprint_status", "status", "sprint on track", "? sprint on track/schedule/time/target"),
  trigger("sprint_status", "blockers", "blocker", "blocker/impediment/blockage", { state: "disabled" }),
  trigger("release_notes", "list_releases", "list releases", "list/show releases/versions"),
  { ...trigger(null, null, "sprint_status: moon phase", ""), state: "unknown", words: [] },
];

const audit = [
  { id: "3", at: `${TODAY}T09:12:00Z`, actor: "user:ada", action: "integration.set", target: "jira" },
  { id: "2", at: `${TODAY}T08:02:00Z`, actor: "operator:ci", action: "tenant.set", target: "messages_per_day" },
];

/** What a path under administration answers, or undefined. */
export function administered(path) {
  return {
    "/api/admin/keys": { keys },
    "/api/admin/integrations": { integrations },
    "/api/admin/triggers": { triggers: triggers() },
    "/api/admin/channels": { channels: [{ channel_type: "slack", channel_id: "T024BE7LD" }], served: ["dashboard", "api", "slack"] },
    "/api/admin/audit": { entries: audit },
    "/api/admin/users": { users: PEOPLE.map((person) => ({ ...person, ...(person.user_id === "mei" && { budgets: { usd_per_day: 5, messages_per_month: "unlimited" } }) })) },
    "/api/settings": { tenant_id: "acme", name: "Acme", status: "active", model: { provider: "bedrock", name: "Claude Sonnet 4.5" }, limits: limits(), settings, version: 1 },
  }[path];
}

/** Lets a scripted server answer what the dashboard's other views ask. */
export function withAdministration(server) {
  server.next("GET", /^\/api\/(admin\/(keys|integrations|channels|triggers|audit|users)|settings)$/, ({ response, url }) => server.json(response, 200, { ...administered(url.pathname), ...(url.searchParams.has("message") && { fires: triggers()[2] }) }), Infinity);
  server.next("GET", /^\/api\/admin\/(users|keys)\/[^/]+\/budgets$/, { status: 200, body: { budgets: budgetsOfOne() } }, Infinity);
  server.next("POST", "/api/admin/integrations/jira/test", { status: 409, error: { code: "integration_denied", message: "Jira refused the credentials", hint: "make a new token" } }, Infinity);
  server.next("POST", /^\/api\/admin\/users\/[^/]+\/invite$/, { status: 201, body: { user_id: "mei", link_token: "t3i_abcdefghijklmnopqrstuvwxyz", prefix: "t3i_abcdefgh", expires_at: at(7) } }, Infinity);
  return server;
}
