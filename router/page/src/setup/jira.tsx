// Connecting Jira: address, account and token are tried together as soon as they are there; then the board is chosen
// among those that the account reads, and tried, too. Only what works is stored.
import { useEffect, useRef, useState } from "preact/hooks";
import { Field, FormError, Text, wrongWith } from "../dashboard/form";
import { type Integration, type Tested, Works, pathOf } from "../dashboard/integrations";
import { send } from "../dashboard/load";
import { useAction } from "../common/action";
import { ApiError } from "../common/api";
import { Note, explained } from "../common/note";
import { boardIn, emailProblem, siteIn, tokenIn } from "./board";
import { type Typed, remember, remembered } from "./memory";

const TOKENS = "https://id.atlassian.com/manage-profile/security/api-tokens";
const PATH = pathOf("jira");
const OTHER = "other";

interface Tries {
  /** What was tried, as text: what is typed now is held against it. */
  of: string;
  tested?: Tested;
  error?: unknown;
}

/** The field that a failed try is about: the first try asks for no board, so what it is refused for is the account. */
function fieldOf(error: unknown, withBoard: boolean): "url" | "account" | "token" | "board" {
  if (!(error instanceof ApiError)) return "url";
  if (error.field === "api_token") return "token";
  if (error.field === "email") return "account";
  if (error.field === "board_id") return "board";
  if (error.code === "integration_denied") return withBoard ? "board" : "token";
  if (withBoard && error.code === "integration_not_found") return "board";
  return "url";
}

/** What to do, in place of the hint that the command line's people get. */
function said(error: unknown, withBoard: boolean): string {
  const { what, todo } = explained(error);
  if (!(error instanceof ApiError)) return `${what} ${todo}`;
  if (error.code === "integration_denied" && !withBoard) return `${what} E-mail and token must belong to one account, and tokens expire: make a new one if in doubt.`;
  if (error.code === "integration_denied") return `${what} Give the account the right to see the board’s project in Jira.`;
  if (error.code === "integration_not_found") return `${what} Check the address of the board, and that the account can see it.`;
  if (error.code === "integration_unavailable" || error.code === "integration_misconfigured") return `${what} Check the address.`;
  return error.field ? what : `${what} ${todo}`;
}

interface Props {
  /** Whether what is connected is made-up data: it works, and is no account of anybody. */
  isSample: boolean;
  stored: Integration | undefined;
  onSaved: (stored: Integration) => void;
  onSkip: () => void;
}

export function ConnectJira({ isSample, stored: connected, onSaved, onSkip }: Props) {
  // One’s own Jira takes its place: nothing of it is a beginning.
  const stored = isSample ? undefined : connected;
  const storedOf = (name: string) => stored?.fields.find((field) => field.name === name)?.value ?? "";
  const hasToken = stored?.fields.some((field) => field.name === "api_token" && field.is_set) ?? false;
  const [typed, setTyped] = useState<Typed>(() => ({ url: storedOf("url"), email: storedOf("email"), board: storedOf("board_id"), project: storedOf("project_key"), ...remembered() }));
  const [token, setToken] = useState("");
  const [left, setLeft] = useState<Record<string, boolean>>({});
  const [account, setAccount] = useState<Tries | null>(null);
  const [board, setBoard] = useState<Tries | null>(null);
  const [isOther, setOther] = useState(false);
  const trying = useAction();
  const tryingBoard = useAction();
  const saving = useAction();
  const form = useRef<HTMLFormElement>(null);

  const change = (changes: Partial<Typed>) => {
    const changed = { ...typed, ...changes };
    setTyped(changed);
    remember(changed);
  };
  const leave = (field: string) => setLeft((before) => ({ ...before, [field]: true }));

  const site = siteIn(typed.url);
  const secret = tokenIn(token);
  const isMoved = hasToken && site !== siteIn(storedOf("url"));
  const needsToken = !hasToken || isMoved;
  const found = boardIn(typed.board);
  const problems = {
    url: typed.url.trim() === "" ? "Enter your Jira address." : site === null ? "This is not an address like https://acme.atlassian.net." : undefined,
    email: emailProblem(typed.email) ?? undefined,
    token: secret === "" && needsToken ? (isMoved ? "The address is on another host: enter the token again. A stored token is never sent to a new host." : "Paste the token that you made.") : undefined,
    board: typed.board.trim() === "" ? "Choose a board, or paste its address." : !found ? "No board number found: it comes after /boards/ in the address." : found.site !== null && site !== null && found.site !== new URL(site).origin ? `This board is at ${new URL(found.site).host}, another site than above.` : undefined,
  };
  const accountFields = { url: site ?? "", email: typed.email.trim(), ...(secret && { api_token: secret }) };
  const accountNow = JSON.stringify(accountFields);
  const canTry = !problems.url && !problems.email && !problems.token;
  const boardFields = { ...accountFields, board_id: found?.board ?? null, project_key: typed.project.trim() || null };
  const boardNow = JSON.stringify(boardFields);
  const works = account?.of === accountNow && account.tested !== undefined;
  const boards = works ? (account!.tested!.reached.boards ?? []) : [];
  const boardWorks = board?.of === boardNow && board.tested !== undefined;

  const tryAccount = (again = false) => {
    if (!canTry || (!again && account?.of === accountNow)) return;
    void trying.run(async () => {
      const of = accountNow;
      try {
        const tested = await send<Tested>("POST", `${PATH}/test`, { fields: { ...accountFields, board_id: null } });
        setAccount({ of, tested });
        // Where there is one board, there is nothing to choose.
        const only = tested.reached.boards?.length === 1 && !tested.reached.more_boards ? tested.reached.boards[0] : undefined;
        if (only && typed.board === "") change({ board: String(only.id) });
      } catch (error) {
        setAccount({ of, error });
      }
    });
  };
  const tryBoard = (again = false) => {
    if (!canTry || !works || problems.board || (!again && board?.of === boardNow)) return;
    void tryingBoard.run(async () => {
      const of = boardNow;
      try {
        setBoard({ of, tested: await send<Tested>("POST", `${PATH}/test`, { fields: boardFields }) });
      } catch (error) {
        setBoard({ of, error });
      }
    });
  };
  // A field that was left with all of them right is enough to try; of a board that was chosen, the choice.
  useEffect(() => {
    if (left["token"] || (hasToken && left["email"]) || (hasToken && !token)) tryAccount();
    // What was typed while an earlier try was under way is tried after it.
  }, [left, accountNow, trying.busy]);
  useEffect(() => {
    if (works && (!isOther || left["board"])) tryBoard();
  }, [works, boardNow, left, tryingBoard.busy]);

  const submit = (event: Event) => {
    event.preventDefault();
    setLeft({ url: true, email: true, token: true, board: true });
    if (!canTry || (works && problems.board)) {
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    if (!works) return tryAccount(true);
    if (!boardWorks) return tryBoard(true);
    void saving.run(async () => {
      const saved = await send<Integration>("PUT", PATH, { fields: boardFields });
      setToken("");
      remember(null);
      onSaved(saved);
    });
  };

  const failed = account?.of === accountNow && account.error !== undefined ? { at: fieldOf(account.error, false), text: said(account.error, false) } : null;
  const boardFailed = board?.of === boardNow && board.error !== undefined ? { at: fieldOf(board.error, true), text: said(board.error, true) } : null;
  const at = (field: string, problem: string | undefined) => (left[field === "account" ? "email" : field] && problem) || (failed?.at === field ? failed.text : undefined) || (boardFailed?.at === field ? boardFailed.text : undefined) || undefined;
  const busy = trying.busy || tryingBoard.busy || saving.busy;
  const isListed = boards.some((of) => String(of.id) === typed.board);

  return (
    <form ref={form} onSubmit={submit} noValidate>
      {isSample && <Note kind="info">Sample data is connected. Enter your own Jira to replace it.</Note>}
      <Text label="Jira address" value={typed.url} placeholder="https://acme.atlassian.net" onInput={(url) => change({ url })} onLeave={() => (leave("url"), site && site !== typed.url && change({ url: site }))} wrong={at("url", problems.url)} hint="Paste the address of any page of your Jira." />
      <Text label="E-mail of the account" value={typed.email} placeholder="bot@acme.example" onInput={(email) => change({ email })} onLeave={() => leave("email")} wrong={at("account", problems.email)} hint="Use a service account that can read the board, rather than a personal one." />
      <Text
        label="API token"
        type="password"
        autocomplete="new-password"
        value={token}
        placeholder={hasToken ? "stored" : undefined}
        onInput={(text) => setToken(tokenIn(text))}
        onLeave={() => leave("token")}
        wrong={at("token", problems.token)}
        hint={
          <>
            {hasToken && !isMoved && "Stored; leave it empty to keep it. "}Create one at{" "}
            <a href={TOKENS} target="_blank" rel="noopener noreferrer">
              id.atlassian.com → Security → API tokens
            </a>
            . It is stored encrypted and never shown again.
          </>
        }
      />
      <div class="tried" role="status">
        {trying.busy ? <p class="hint">Asking Jira…</p> : works && <Works tested={account!.tested!} />}
      </div>
      {works && (
        <>
          {boards.length > 0 && !isOther ? (
            <Field label="Board" wrong={at("board", problems.board)} hint={`${boards.length}${account!.tested!.reached.more_boards ? " of the" : ""} ${boards.length === 1 ? "board" : "boards"} that this account may read.`}>
              {(props) => (
                <select
                  {...props}
                  class="in"
                  value={isListed ? typed.board : ""}
                  onChange={(event) => {
                    const chosen = event.currentTarget.value;
                    setOther(chosen === OTHER);
                    change({ board: chosen === OTHER ? "" : chosen });
                  }}
                >
                  <option value="" disabled>
                    Choose one
                  </option>
                  {boards.map((of) => (
                    <option key={of.id} value={String(of.id)}>
                      {of.name ?? "Without a name"} · {of.id}
                      {of.type ? ` · ${of.type}` : ""}
                    </option>
                  ))}
                  <option value={OTHER}>Another board: paste its address</option>
                </select>
              )}
            </Field>
          ) : (
            <Text label="Board" value={typed.board} onInput={(board) => change({ board })} onLeave={() => (leave("board"), found && found.board !== typed.board && (problems.board ? undefined : change({ board: found.board })))} wrong={at("board", problems.board)} hint="The board’s address from the browser, or its number." />
          )}
          <div class="tried" role="status">
            {tryingBoard.busy ? <p class="hint">Asking Jira for the board…</p> : boardWorks && <Works tested={board!.tested!} />}
          </div>
        </>
      )}
      <FormError error={saving.error} fields={[]} />
      {wrongWith(saving.error, "board_id") && <p class="hint no">{wrongWith(saving.error, "board_id")}</p>}
      <div class="buttons">
        <button type="submit" class="btn p" disabled={busy}>
          {saving.busy ? "Saving…" : trying.busy || tryingBoard.busy ? "Testing…" : boardWorks ? "Save and continue" : works ? "Test the board" : "Test"}
        </button>
        {works && (
          <button type="button" class="btn" disabled={busy} onClick={() => (board ? tryBoard(true) : tryAccount(true))}>
            Test again
          </button>
        )}
        <button type="button" class="btn quiet" onClick={onSkip}>
          {isSample ? "Keep the sample data" : stored?.connected ? "Keep it as it is" : "Skip for now"}
        </button>
      </div>
    </form>
  );
}
