// A tenant that was used for some months, for the scripted server: what the router would answer of it.

export const TODAY = "2026-11-26";
/** The moment at which pictures and tests of the dashboard look at it. */
export const NOW = new Date(`${TODAY}T14:20:00Z`);

const DAY = 86_400_000;
const day = (back) => new Date(Date.parse(`${TODAY}T00:00:00Z`) - back * DAY).toISOString().slice(0, 10);

/** Numbers that look like chance and are the same in every run. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

export const PEOPLE = [
  { user_id: "ada", email: "ada@acme.example", display_name: "Ada Lovelace", role: "admin" },
  { user_id: "mei", email: "mei@acme.example", display_name: "Mei Tanaka", role: "member" },
  { user_id: "bob", email: "bob@acme.example", display_name: "Bob Meyer", role: "member" },
  { user_id: "grace", email: "grace@acme.example", display_name: "Grace Hopper", role: "member" },
];

const GROUPS = {
  route: [["ai", "model", 0.45], ["rule", "rule", 0.35], ["conversational", "small talk", 0.18], [null, "no route", 0.02]],
  model: [["Claude Sonnet 4.5", "Claude Sonnet 4.5", 0.7], ["Nova Lite", "Nova Lite", 0.1], [null, "no model", 0.2]],
  user: [["ada", "Ada Lovelace", 0.4], ["mei", "Mei Tanaka", 0.3], ["bob", "Bob Meyer", 0.2], ["linus", "Linus Maier", 0.1, "former"]],
  key: [["session", "web sessions", 0.6], ["t3n_abcdef", "release bot", 0.3], [null, "no key", 0.1]],
};

function counts(turns, refusals, price) {
  const tokens = turns * 1900;
  const cost = price === null ? null : Math.round(turns * price * 1e6) / 1e6;
  return { turns, failed: Math.floor(turns / 60), refusals, input_tokens: Math.round(tokens * 0.85), output_tokens: Math.round(tokens * 0.15), cost_usd: cost, priced_cost_usd: cost ?? 0, unpriced_tokens: cost === null ? tokens : 0, estimated_tokens: 0 };
}

const FIELDS = ["turns", "failed", "refusals", "input_tokens", "output_tokens", "priced_cost_usd", "unpriced_tokens", "estimated_tokens"];
function together(rows) {
  const sum = Object.fromEntries(FIELDS.map((field) => [field, rows.reduce((sum, row) => sum + row[field], 0)]));
  return { messages: sum.turns, ...sum, cost_usd: rows.some((row) => row.cost_usd === null) ? null : rows.reduce((sum, row) => sum + row.cost_usd, 0) };
}

/** `price` of a turn, or null where it is not known. */
export function usage(days, by, { price = 0.0105, empty = false } = {}) {
  const all = [];
  if (!empty) {
    for (let back = Math.min(days, 120) - 1; back >= 0; back -= 1) {
      const next = chance(back + 7);
      const date = day(back);
      const weekend = [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
      const turns = Math.round((44 + next() * 44) * (1.12 - back / 260) * (weekend ? 0.22 : 1) * (back === 0 ? 0.6 : 1));
      if (turns > 0) all.push({ day: date, ...counts(turns, back === 9 ? 12 : 0, price) });
    }
  }
  const body = { tenant_id: "acme", days: all.map((row) => ({ ...row, messages: row.turns })), total: together(all) };
  if (!by) return body;
  const groups = GROUPS[by].map(([id, label, share, state]) => ({ id, label, state: state ?? (id === null ? "none" : "current"), share }));
  const rows = all.flatMap((row) => {
    let left = row.turns;
    // What rounding leaves is the first group's.
    const order = [...groups.slice(1), groups[0]];
    return order.flatMap(({ share, ...group }, index) => {
      const wobble = 0.7 + ((Number(row.day.slice(8)) * (index + 3)) % 7) / 10;
      const turns = group.id === groups[0].id ? left : Math.min(left, Math.round(row.turns * share * wobble));
      left -= turns;
      const refusals = group.id === null ? row.refusals : 0;
      const isFree = (by === "route" && group.id === "conversational") || (by === "model" && group.id === null);
      return turns + refusals > 0 ? [{ day: row.day, ...group, ...counts(turns, refusals, isFree ? 0 : price), ...(isFree && { input_tokens: 0, output_tokens: 0 }) }] : [];
    });
  });
  const summed = groups.map(({ share, ...group }) => ({ ...group, ...together(rows.filter((row) => row.id === group.id)) }));
  return { ...body, by, groups: summed.filter((group) => group.turns + group.refusals > 0).sort((a, b) => b.input_tokens - a.input_tokens), rows };
}

export const health = () => ({
  status: "failed",
  checked_at: NOW.toISOString(),
  checks: [
    { name: "tenants", kind: "store", status: "ok", took_ms: 3 },
    { name: "usage", kind: "store", status: "ok", took_ms: 4 },
    { name: "conversations", kind: "store", status: "ok", took_ms: 6 },
    { name: "secrets", kind: "secrets", status: "ok", took_ms: 11 },
    { name: "Claude Sonnet 4.5", kind: "model", status: "ok", took_ms: 1, detail: "bedrock: configured; not called" },
    { name: "jira", kind: "integration", status: "failed", took_ms: 240, detail: "Jira refused the credentials", hint: "make a new token", code: "integration_denied" },
  ],
  routes: { conversational: 3, rule: 12, ai: 29 },
  model_failures: [{ at: `${TODAY}T13:01:00Z`, model: "Claude Sonnet 4.5", code: "model_throttled", message: "the model is asked too often" }],
  since: `${TODAY}T09:00:00Z`,
});

/** How a budget stands, by its name. */
export function budget(name, used, limit, of) {
  const [, payer, unit, period] = /^(user_|key_)?(messages|tokens|usd)_per_(day|month)$/.exec(name);
  return { name, payer: payer?.slice(0, -1) ?? "tenant", ...(of && { of }), unit, period, limit, used, is_warning: used >= 0.8 * limit, resets_at: period === "day" ? "2026-11-27T00:00:00Z" : "2026-12-01T00:00:00Z" };
}
const ofTeam = () => [budget("messages_per_day", 412, 1000), budget("tokens_per_day", 120_000, 500_000), budget("usd_per_month", 41.2, 50)];

export const limits = () => ({ messages_per_day: 1000, messages_today: 412, resets_at: "2026-11-27T00:00:00Z", max_tokens_per_message: 4096, budgets: [...ofTeam(), budget("user_messages_per_day", 18, 20, "mei")] });

/** Lets a scripted server answer what the dashboard asks. `change(path, body)` may change an answer. */
export function withLedger(server, options = {}) {
  const body = ({ url }) => {
    const days = Number(url.searchParams.get("days") ?? 30);
    switch (url.pathname) {
      case "/api/admin/usage": return { ...usage(days, url.searchParams.get("by"), options), budgets: [...ofTeam(), budget("user_tokens_per_day", 8_500, 10_000, "bob"), budget("user_tokens_per_month", 2e6, 2e6, "mei"), budget("key_usd_per_day", 0.9, 1, "t3n_abcdef")] };
      case "/api/usage": {
        const own = usage(days, null, options);
        return { user_id: "mei", days: own.days, total: own.total, limits: limits() };
      }
      case "/api/admin/health": return health();
      case "/api/settings": return { tenant_id: "acme", name: "Acme", status: "active", model: { provider: "bedrock", name: "Claude Sonnet 4.5" }, limits: limits(), settings: [], version: 1 };
      case "/api/admin/users": return { users: PEOPLE };
      default: return undefined;
    }
  };
  server.next("GET", /^\/api\/(admin\/(usage|health|users)|usage|settings)$/, (asked) => {
    const found = body(asked);
    asked.server.json(asked.response, 200, options.change?.(asked.url.pathname, found) ?? found);
  }, Infinity);
  return server;
}
