// A server that speaks the router's API and does what a test tells it: cuts streams, refuses, loses turns,
// answers what is hostile. It serves dist/ with the router's policy.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { policy } from "./policy.mjs";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const kinds = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
const bytes = (text) => Buffer.byteLength(text);

export const ada = { user_id: "ada", email: "ada@acme.example", display_name: "Ada Lovelace", role: "admin" };

/** A turn that is being answered, for a test to drive. */
export class Turn {
  constructor(server, id, sessionId, message) {
    Object.assign(this, { server, id, session_id: sessionId, message, state: "running", text: "", tools: [], started_at: server.now().toISOString() });
    this.readers = new Set();
    this.waiters = new Set();
  }

  head() {
    const { id, session_id, state, message, started_at } = this;
    return { id, session_id, state, message, started_at };
  }

  /** What came after N bytes. */
  since(after) {
    return Buffer.from(this.text).subarray(after).toString();
  }

  json(after) {
    const { answer, error } = this;
    return { ...this.head(), text: this.since(after), next: bytes(this.text), tools: this.tools, ...(answer && { answer }), ...(error && { error }) };
  }

  tell(event, data, id) {
    for (const reader of this.readers) reader.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const wake of this.waiters) wake();
  }

  delta(text) {
    this.text += text;
    this.tell("delta", { text }, bytes(this.text));
  }

  tool(name) {
    this.tools.push(name);
    this.tell("tool", { name });
  }

  finish(state, event, data) {
    this.state = state;
    this.tell(event, data);
    for (const reader of this.readers) reader.end();
    this.readers.clear();
  }

  done(more = {}) {
    const { session_id, text, server } = this;
    this.answer = { text, session_id, route: "ai", model: "Claude Sonnet 4.5", usage: { input_tokens: 1200, output_tokens: 180, cost_usd: 0.0063 }, timing_ms: 1234, raw: false, request_id: `req-${this.id}`, ...more };
    server.store(session_id, this.message, this.answer.text, { route: this.answer.route, model: this.answer.model, request_id: this.answer.request_id, usage: this.answer.usage, timing_ms: this.answer.timing_ms, ...(more.skill && { skills: [more.skill] }) });
    this.finish("done", "done", this.answer);
  }

  fail(error) {
    this.error = error;
    this.finish("failed", "failed", { error });
  }

  stopped() {
    this.server.store(this.session_id, this.message, this.text, { route: "ai", stopped: true });
    this.finish("stopped", "stopped", {});
  }

  brokenOff() {
    this.finish("broken_off", "broken_off", {});
  }

  /** Destroys the connections of those who read, as a network that breaks. */
  cut() {
    for (const reader of this.readers) reader.destroy();
    this.readers.clear();
  }
}

export class Scripted {
  constructor() {
    this.requests = [];
    this.turns = new Map();
    this.keys = new Map();
    this.sessions = new Map();
    this.rules = [];
    this.streams = true;
    this.signedIn = true;
    this.csrf = "csrf-1";
    /** Called with each new turn; drives it. */
    this.script = () => {};
    this.offset = 0;
    this.me = {
      tenant_id: "acme", tenant_name: "Acme", environment: "dev", user: ada, role: "admin", by: "session", may_administer: true, expires_at: null,
      sample_data: false, limits: { message_bytes: 32768 }, model: { provider: "bedrock", name: "Claude Sonnet 4.5" },
      ask: ["How is the sprint going?", "What am I working on?", "Write release notes", "Who is blocked?"],
    };
  }

  now() {
    return new Date(Date.now() + this.offset);
  }

  static async start() {
    const server = new Scripted();
    server.http = createServer((request, response) => void server.answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    }));
    await new Promise((done) => server.http.listen(0, "0.0.0.0", done));
    server.port = server.http.address().port;
    server.address = `http://127.0.0.1:${server.port}`;
    return server;
  }

  async end() {
    for (const turn of this.turns.values()) turn.cut();
    this.http.closeAllConnections();
    await new Promise((done) => this.http.close(done));
  }

  /** The next `times` requests of this kind get that answer: `{status, error?, headers?, body?}`, or "cut" (no answer), or a function. */
  next(method, path, answer, times = 1) {
    this.rules.push({ method, path, answer, times });
  }

  /** The next question waits until the function that this returns is called. */
  holdNextQuestion() {
    let release;
    const held = new Promise((done) => (release = done));
    this.next("POST", "/api/turns", async ({ request, response, body }) => {
      await held;
      this.post(request, response, body);
    });
    return release;
  }

  of(method, path) {
    return this.requests.filter((request) => request.method === method && (path instanceof RegExp ? path.test(request.path) : request.path === path));
  }

  /** Puts a turn into a conversation. */
  store(sessionId, question, answer, details, at = this.now()) {
    const messages = this.sessions.get(sessionId)?.messages ?? [];
    messages.push({ role: "user", content: question, at: at.toISOString() }, { role: "assistant", content: answer, at: at.toISOString(), ...(details && { details }) });
    const title = this.sessions.get(sessionId)?.title ?? messages[0].content.slice(0, 80);
    this.sessions.set(sessionId, { session_id: sessionId, title, preview: answer.slice(0, 80), updated_at: at.toISOString(), messages });
  }

  refuse(response, status, error, headers = {}) {
    this.json(response, status, { error: { code: "refused", message: "refused", ...error }, request_id: "req-1" }, headers);
  }

  json(response, status, body, headers = {}) {
    response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", date: this.now().toUTCString(), ...headers });
    response.end(body === undefined ? "" : JSON.stringify(body));
  }

  async answer(request, response) {
    const url = new URL(request.url, this.address);
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = text ? JSON.parse(text) : undefined;
    const path = url.pathname;
    this.requests.push({ method: request.method, path, query: url.searchParams, headers: request.headers, body });
    const rule = this.rules.find((rule) => rule.times > 0 && rule.method === request.method && (rule.path instanceof RegExp ? rule.path.test(path) : rule.path === path));
    if (rule) {
      rule.times -= 1;
      if (rule.answer === "cut") return response.destroy();
      if (typeof rule.answer === "function") return rule.answer({ request, response, body, url, server: this });
      const { status, error, headers, body: whole } = rule.answer;
      return error || !whole ? this.refuse(response, status, error ?? {}, headers) : this.json(response, status, whole, headers);
    }
    if (request.method === "GET" && (path === "/" || path === "/dashboard" || path === "/setup" || path.startsWith("/c/") || path.startsWith("/oauth/callback/"))) return this.file(response, `${path.startsWith("/oauth/") ? "dashboard" : path === "/dashboard" || path === "/setup" ? path.slice(1) : "chat"}.html`);
    if (path.startsWith("/assets/")) return this.file(response, path.slice(1));
    return this.api(request, response, url, body);
  }

  async file(response, name) {
    try {
      const content = await readFile(join(dist, `${name}.br`));
      const page = name.endsWith(".html") ? { "content-security-policy": policy, "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cache-control": "no-cache" } : { "cache-control": name === "assets/early.js" ? "no-cache" : "public, max-age=31536000, immutable" };
      // Browsers take brotli at secure origins and loopback alone: plain elsewhere.
      response.writeHead(200, { "content-type": kinds[name.split(".").pop()], ...page, ...(this.plain ? {} : { "content-encoding": "br" }) });
      response.end(this.plain ? await readFile(join(dist, name)) : content);
    } catch {
      this.refuse(response, 404, { code: "not_found", message: "there is nothing here" });
    }
  }

  async api(request, response, url, body) {
    const path = url.pathname;
    const method = request.method;
    if (path === "/session" && method === "POST") {
      if (!(body.key === "t3n_right" || body.link === "t3i_right" || body.recovery_code === "t3r_right")) return this.refuse(response, 401, { code: "unauthorized", message: "the key is not known" });
      this.signedIn = true;
      this.csrf = `csrf-${this.requests.length}`;
      return this.json(response, 201, this.who());
    }
    if (!this.signedIn) return this.refuse(response, 401, { code: "unauthorized", message: "a credential is needed" });
    if (method !== "GET" && this.me.by === "session" && request.headers["x-csrf-token"] !== this.csrf) return this.refuse(response, 403, { code: "csrf_token_missing", message: "the session's CSRF token is missing or wrong" });
    if (path === "/session" && method === "DELETE") {
      this.signedIn = false;
      return this.json(response, 204);
    }
    if (path === "/api/me/recovery-code") return this.json(response, 201, { recovery_code: "t3r_right" });
    if (path === "/api/me") return this.json(response, 200, this.who());
    if (this.me.by === "nothing" && ["/api/sessions", "/api/history", "/api/clear"].includes(path)) return this.refuse(response, 401, { code: "unauthorized", message: "a credential is needed" });
    if (path === "/api/sessions") return this.page(response, url, "sessions", [...this.sessions.values()].sort((a, b) => (a.session_id < b.session_id ? 1 : -1)).map(({ messages, ...session }) => session));
    if (path === "/api/history") {
      const session = this.sessions.get(url.searchParams.get("session_id"));
      if (!session) return this.refuse(response, 404, { code: "no_such_session", message: "no such conversation" });
      return this.page(response, url, "messages", session.messages, true, { session_id: session.session_id });
    }
    if (path === "/api/clear") return this.json(response, 200, { session_id: body.session_id, cleared: this.sessions.delete(body.session_id) });
    if (path === "/api/turns" && method === "POST") return this.post(request, response, body);
    if (path === "/api/turns") {
      const wanted = url.searchParams.get("session_id");
      const listed = [...this.turns.values()].filter((turn) => turn.state !== "done" && !turn.forgotten && (!wanted || turn.session_id === wanted));
      return this.json(response, 200, { turns: listed.map((turn) => turn.head()) });
    }
    const turn = this.turns.get(/^\/api\/turns\/([^/]+)$/.exec(path)?.[1] ?? "");
    if (!turn || turn.forgotten) return this.refuse(response, 404, { code: path.startsWith("/api/turns/") ? "no_such_turn" : "not_found", message: "there is nothing here" });
    if (method === "DELETE") {
      if (turn.state === "running") turn.stopped();
      return this.json(response, 200, turn.json(0));
    }
    return this.follow(request, response, url, turn);
  }

  who() {
    return { ...this.me, ...(this.me.by === "session" && { csrf_token: this.csrf }) };
  }

  /** A page of a list; of messages the newest page comes first, and its messages oldest first. */
  page(response, url, name, items, isBackwards = false, more = {}) {
    const limit = Number(url.searchParams.get("limit") ?? 50);
    const from = Number(url.searchParams.get("after") ?? 0);
    const end = items.length - from;
    const part = isBackwards ? items.slice(Math.max(0, end - limit), end) : items.slice(from, from + limit);
    this.json(response, 200, { ...more, [name]: part, ...(from + limit < items.length && { next: String(from + limit) }) });
  }

  post(request, response, body) {
    const key = request.headers["idempotency-key"];
    if (!key) return this.refuse(response, 400, { code: "invalid_request", message: "`Idempotency-Key` is missing" });
    const known = this.keys.get(key);
    if (known) return this.json(response, 200, known.head());
    let sessionId = body.session_id ?? `s-${Date.now()}-${randomUUID().slice(0, 8)}`;
    const session = this.sessions.get(sessionId);
    if (body.branch) {
      const of = this.sessions.get(body.branch.session_id);
      const kept = of?.messages.slice(0, body.branch.messages) ?? [];
      if (kept.length > 0) this.sessions.set(sessionId, { ...of, session_id: sessionId, messages: kept });
    } else if (session && body.seen && session.messages.at(-1).at > body.seen) {
      return this.refuse(response, 409, { code: "conversation_moved_on", message: "the conversation went on elsewhere" });
    }
    const under = [...this.turns.values()].find((turn) => turn.session_id === sessionId && turn.state === "running" && !turn.forgotten);
    if (under) return this.refuse(response, 409, { code: "turn_under_way", message: "a question in this conversation is being answered", turn_id: under.id });
    const turn = this.begin(sessionId, body.message);
    this.keys.set(key, turn);
    this.json(response, 201, turn.head());
    void this.script(turn);
  }

  /** A turn that is being answered. */
  begin(sessionId, message) {
    const turn = new Turn(this, `t-${randomUUID().slice(0, 8)}`, sessionId, message);
    this.turns.set(turn.id, turn);
    return turn;
  }

  /** The newest turn. */
  get turn() {
    return [...this.turns.values()].at(-1);
  }

  async follow(request, response, url, turn) {
    const after = Number(request.headers["last-event-id"] ?? url.searchParams.get("after") ?? 0);
    if (this.streams && request.headers.accept?.includes("text/event-stream")) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", date: this.now().toUTCString() });
      response.write(`event: start\ndata: ${JSON.stringify(turn.head())}\n\n`);
      for (const name of turn.tools) response.write(`event: tool\ndata: ${JSON.stringify({ name })}\n\n`);
      if (turn.since(after)) response.write(`id: ${bytes(turn.text)}\nevent: delta\ndata: ${JSON.stringify({ text: turn.since(after) })}\n\n`);
      const last = { done: turn.answer, failed: { error: turn.error }, stopped: {}, broken_off: {} }[turn.state];
      if (last) return response.end(`event: ${turn.state}\ndata: ${JSON.stringify(last)}\n\n`);
      turn.readers.add(response);
      response.on("close", () => turn.readers.delete(response));
      return;
    }
    if (turn.state === "running" && bytes(turn.text) <= after) {
      await new Promise((done) => {
        const wake = () => {
          turn.waiters.delete(wake);
          done();
        };
        turn.waiters.add(wake);
        response.on("close", wake);
      });
    }
    this.json(response, 200, turn.json(after));
  }
}
