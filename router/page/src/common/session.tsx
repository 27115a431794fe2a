// Who is signed in. The page is the same for everyone: `GET /api/me` says who one is, and the frame shows
// nothing of a person or of a role before that.
import { computed, signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import type { JSX } from "preact";
import { useAction } from "./action";
import { ApiError, NoNetwork, call, onUnauthorized, setCsrfToken } from "./api";
import type { Me } from "./api";
import { Dialog } from "./dialog";
import { ErrorNote, Note, sentence } from "./note";
import { drop, keep, kept } from "./storage";

/** Who one is; null while that is not known, and once nobody is signed in. */
export const me = signal<Me | null>(null);
/** Why `me` is null. */
export const absent = signal<"loading" | "signed out" | "no network" | "failed" | null>("loading");
/** What went wrong where `absent` is `failed`: 403 of a suspended tenant, a store that is down. */
export const failure = signal<unknown>(null);
/** Whether the dialog for signing in is open. */
export const signingIn = signal(false);
/** Counts who came: a page loads its data anew when it changes. */
export const arrivals = signal(0);

/** Counts sign-ins on this page, of the same person too: what was refused meanwhile is asked for again. */
export const signIns = signal(0);

/** Names what the browser keeps of this person, so that the next one sees nothing of it. */
export const ownName = computed(() => {
  const who = me.value;
  return who && `${who.environment}/${who.tenant_id}/${who.user?.user_id ?? "-"}`;
});

/** The token of a one-time link that brought one here. early.ts took it out of the address. */
const given = signal((window as unknown as { t3netsLink?: string }).t3netsLink);

const tabs = typeof BroadcastChannel === "function" ? new BroadcastChannel("t3nets.session") : null;
tabs?.addEventListener("message", () => void loadMe());

const same = (a: Me | null, b: Me | null) => a?.tenant_id === b?.tenant_id && a?.user?.user_id === b?.user?.user_id && a?.by === b?.by;

/** The team that was last heard of. */
export const team = signal("");

function become(who: Me | null): void {
  if (who) team.value = who.tenant_name;
  const isOther = !same(me.value, who);
  setCsrfToken(who?.csrf_token);
  me.value = who;
  absent.value = who ? null : "signed out";
  if (who && isOther) arrivals.value += 1;
}

/** Asks who one is. */
export async function loadMe(): Promise<void> {
  try {
    const who = await call<Me>("GET", "/api/me", { quiet: true });
    failure.value = null;
    signingIn.value = given.value !== undefined;
    // Last: what a page does then may ask to sign in all the same.
    become(who);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      become(null);
      signingIn.value = true;
    } else if (!me.value) {
      failure.value = error;
      absent.value = error instanceof NoNetwork ? "no network" : "failed";
    }
  }
}

onUnauthorized((mayAsk) => {
  // Who was never signed in was not signed out either: it was a call that needs a user.
  if (me.peek()?.user || me.peek() === null) {
    setCsrfToken(undefined);
    absent.value = "signed out";
  }
  // What is on the page stays there; the dialog comes over it.
  if (mayAsk) signingIn.value = true;
});

/** Says that the session is over, to somebody who did nothing to learn it. */
export function SignedOut(): JSX.Element | null {
  if (absent.value !== "signed out" || !me.value || signingIn.value) return null;
  return <Note actions={<SignInButton />}>You were signed out. What you wrote is still here.</Note>;
}

/** Among the actions of a note. */
export function SignInButton(): JSX.Element {
  return (
    <button type="button" onClick={() => (signingIn.value = true)}>
      Sign in
    </button>
  );
}

type Credential = { key: string } | { link: string } | { recovery_code: string };

async function signIn(credential: Credential): Promise<void> {
  // Whoever was signed in is known to the router by a cookie alone: it is replaced.
  const who = await call<Me>("POST", "/session", { body: credential, quiet: true });
  given.value = undefined;
  become(who);
  signingIn.value = false;
  signIns.value += 1;
  tabs?.postMessage("changed");
  const name = `t3nets.recovery/${ownName.peek()}`;
  // Who came by a link has no key: the next time they need another way.
  if ("link" in credential && !kept(name)) {
    keep(name, "offered");
    offersRecovery.value = true;
  }
}

/** Whether a recovery code is offered: once, after the first sign-in by a link. */
export const offersRecovery = signal(false);


export async function signOut(): Promise<void> {
  const name = ownName.value;
  await call("DELETE", "/session", { quiet: true });
  if (name) drop(`t3nets.own/${name}/`);
  become(null);
  // A conversation's address is nothing to whoever comes next.
  if (location.pathname.startsWith("/c/")) history.replaceState(null, "", "/");
  tabs?.postMessage("changed");
  // As if the page was loaded anew: who may ask without signing in can go on.
  await loadMe();
}

/** A key, a link or a recovery code out of what was pasted: a link may come whole, with the page's address. */
export function credential(pasted: string): Credential {
  const text = pasted.trim();
  if (text.startsWith("t3r_")) return { recovery_code: text };
  const link = /#link=([!-~]+)$/.exec(text)?.[1] ?? (text.startsWith("t3i_") ? text : undefined);
  return link === undefined ? { key: text } : { link };
}

/** Over the page while somebody has to sign in. */
export function SignIn(): JSX.Element | null {
  return signingIn.value ? <SignInDialog /> : null;
}

function SignInDialog(): JSX.Element {
  const [text, setText] = useState("");
  const { run, busy, error } = useAction();
  const [byKey, setByKey] = useState(false);
  const field = useId();
  const link = given.value;
  const close = () => {
    given.value = undefined;
    signingIn.value = false;
  };
  const send = (with_: Credential) =>
    run(async () => {
      try {
        await signIn(with_);
      } catch (caught) {
        // A link works once: what is left is another way.
        if ("link" in with_ && caught instanceof ApiError && caught.status === 401) setByKey(true);
        throw caught;
      }
    });
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim()) void send(credential(text));
  };
  const refused = error instanceof ApiError && error.status === 401 ? error : null;
  if (link !== undefined && !byKey) {
    return (
      <Dialog title="Welcome to T3nets" onClose={close} byItself>
        <p class="says">
          {me.value?.user
            ? `You are signed in as ${me.value.user.display_name || me.value.user.user_id}. The link that you opened signs you in as the person it was made for.`
            : "This link signs you in on this browser. It works once."}
        </p>
        {error !== null && <ErrorNote error={error} />}
        <div class="buttons">
          <button type="button" class="btn p" disabled={busy} onClick={() => void send({ link })}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
          {me.value && (
            <button type="button" class="btn" onClick={close}>
              Not now
            </button>
          )}
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={absent.value === "signed out" && me.value ? "You were signed out" : "Sign in"} onClose={close} byItself>
      <form onSubmit={submit}>
        {absent.value === "signed out" && me.value && <p class="says">Your session is over. What you wrote is still here.</p>}
        {byKey && refused && (
          <div role="alert">
            <ErrorNote error={refused} />
          </div>
        )}
        <label for={field}>Paste your sign-in link</label>
        <input
          id={field}
          class="in"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={text}
          aria-invalid={refused !== null && !byKey}
          aria-describedby={`${field}-hint`}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p class={refused && !byKey ? "hint no" : "hint"} id={`${field}-hint`} role={refused && !byKey ? "alert" : undefined}>
          {refused && !byKey ? (
            `${sentence(refused.message)} ${sentence(refused.hint ?? "")}`
          ) : (
            <>
              An API key or a recovery code works too. Your administrator makes links; the operator can run <code>t3nets open</code>.
            </>
          )}
        </p>
        {error !== null && !refused && <ErrorNote error={error} />}
        <div class="buttons">
          <button type="submit" class="btn p" disabled={busy || !text.trim()}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
