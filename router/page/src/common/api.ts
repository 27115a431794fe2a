// The router's API, typed. Every failure is one of two kinds: the router (or what stands before it)
// refused, `ApiError`; or nothing answered, `NoNetwork`.
import type { Period, Unit } from "./names";

export interface User {
  user_id: string;
  email: string;
  display_name: string;
  role: "admin" | "member";
}

export interface Me {
  tenant_id: string;
  tenant_name: string;
  environment: string;
  user: User | null;
  role: "admin" | "member";
  by: "key" | "session" | "jwt" | "nothing";
  may_administer: boolean;
  expires_at: string | null;
  csrf_token?: string;
  sample_data?: boolean;
  limits?: { message_bytes?: number; messages_per_day?: number };
  ask?: string[];
  model?: string | null | { provider: string | null; name: string | null; problem?: string };
}

/** How much of a budget is used. */
export interface Budget {
  name: string;
  payer: "tenant" | "user" | "key";
  /** Which user, by id; which key, by prefix. */
  of?: string;
  /** It is that user's or key's alone. */
  is_own?: boolean;
  unit: Unit;
  period: Period;
  limit: number;
  used: number;
  /** Four fifths are used, or more. */
  is_warning: boolean;
  resets_at: string;
}

/** How much of it is used, in percent, rounded down: at 100 nothing is left. */
export const percent = ({ used, limit }: Budget): number => (limit > 0 ? Math.floor((used / limit) * 100 + 1e-9) : 100);

/** The name of the model that answers; null where none does. */
export function modelOf(who: Me | null): string | null {
  const model = who?.model ?? null;
  if (model === null || typeof model === "string") return model;
  return model.provider === "offline" ? null : model.name;
}

/** An error as it stands in a JSON answer. */
export interface ErrorDetail {
  code: string;
  message: string;
  hint?: string;
  field?: string;
  status?: number;
  retry_after_seconds?: number;
  turn_id?: string;
}

export class ApiError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly field: string | undefined;
  readonly status: number;
  readonly requestId: string | undefined;
  /** Seconds to wait, from `received` on. */
  readonly retryAfter: number | undefined;
  readonly turnId: string | undefined;
  /** When it was received, by the clock that nobody sets. */
  readonly received = performance.now();

  constructor(status: number, detail: ErrorDetail, requestId?: string, retryAfter?: number) {
    super(detail.message);
    this.code = detail.code;
    this.hint = detail.hint;
    this.field = detail.field;
    this.status = detail.status ?? status;
    this.requestId = requestId;
    this.retryAfter = retryAfter ?? detail.retry_after_seconds;
    this.turnId = detail.turn_id;
  }
}

/** Nothing answered: no network, or the router is not there. */
export class NoNetwork extends Error {
  constructor() {
    super("T3nets cannot be reached");
  }
}

/** What a status means, for answers that say nothing themselves: of proxies and load balancers. */
function meaning(status: number): string {
  if (status === 504) return "it took too long to answer";
  if (status === 502 || status === 503) return "T3nets is not available at the moment";
  if (status === 413) return "that is too much at once";
  if (status === 429) return "that were too many requests";
  return `the server answered with status ${status}`;
}

let csrf: string | undefined;
/** The token that a session's changes carry: from `GET /api/me` or `POST /session`. */
export function setCsrfToken(token: string | undefined): void {
  csrf = token;
}

let skew = 0;
/** The router's time, whatever this machine's clock says: by the `Date` of its last answer. */
export function serverNow(): number {
  return Date.now() + skew;
}

let unauthorized: (mayAsk: boolean) => void = () => {};
/** Called at each 401, before the caller gets it: whether the sign-in may come over the page. */
export function onUnauthorized(call: (mayAsk: boolean) => void): void {
  unauthorized = call;
}

let inputs = 0;
// Who goes on typing is not interrupted.
document.addEventListener("input", () => (inputs += 1), true);

/** A key by which the same sending is known again. `randomUUID` needs a secure context; this does not. */
export function idempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface Options {
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Somebody did this just now: at a 401 the sign-in comes over the page. Of what the page asks by itself a note says it. */
  asked?: boolean;
  /** A 401 is the caller's own matter: signing in. */
  quiet?: boolean;
}

/** A call whose answer is taken as it comes; what is not 2xx is thrown. */
export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (csrf && method !== "GET") headers["x-csrf-token"] = csrf;
  const before = inputs;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new NoNetwork();
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isFinite(date)) skew = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
  if (response.ok) return response;
  const error = await refusal(response);
  if (error.status === 401 && !options.quiet) unauthorized(options.asked === true && inputs === before);
  throw error;
}

async function refusal(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get("retry-after") ?? NaN);
  let body: { error?: Partial<ErrorDetail>; request_id?: string } = {};
  try {
    const read: unknown = await response.json();
    if (read && typeof read === "object") body = read;
  } catch {
    // Not JSON: it is not the router's.
  }
  const said = body.error && typeof body.error === "object" ? body.error : {};
  const detail = { ...said, code: said.code ?? `http_${response.status}`, message: said.message ?? meaning(response.status) };
  const requestId = body.request_id ?? response.headers.get("x-request-id") ?? undefined;
  return new ApiError(response.status, detail, requestId, Number.isFinite(after) ? after : undefined);
}

/** A call that answers JSON, or nothing (204). */
export async function call<T = void>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await request(method, path, options);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    // The connection broke inside the body, or what answered is not the router.
    throw new NoNetwork();
  }
}

export const get = <T>(path: string, signal?: AbortSignal, asked = false): Promise<T> => call<T>("GET", path, { asked, ...(signal ? { signal } : {}) });

/** A path with its query; what is undefined is left out. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined);
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}`;
}
