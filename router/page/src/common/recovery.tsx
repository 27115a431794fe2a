// A recovery code: signs its owner in once, where key and link are lost. It is shown once.
import { useState } from "preact/hooks";
import type { JSX } from "preact";
import { call } from "./api";
import { CopyButton } from "./copy";
import { Dialog } from "./dialog";
import { ErrorNote } from "./note";

export function RecoveryCode({ onClose }: { onClose: () => void }): JSX.Element {
  const [code, setCode] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const make = async () => {
    if (isBusy) return;
    setBusy(true);
    setError(null);
    try {
      setCode((await call<{ recovery_code: string }>("POST", "/api/me/recovery-code")).recovery_code);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="Recovery code" onClose={onClose}>
      {code === null ? (
        <p class="says">It signs you in once when you have neither a key nor a link. Keep it where you keep passwords. It is shown once; a new one replaces it.</p>
      ) : (
        <>
          <p class="says">Keep it now: it is not shown again.</p>
          <p class="secret">
            <code>{code}</code>
          </p>
        </>
      )}
      {error !== null && <ErrorNote error={error} />}
      <div class="buttons">
        {code === null ? (
          <button type="button" class="btn p" disabled={isBusy} onClick={() => void make()}>
            {isBusy ? "Making it…" : "Make a code"}
          </button>
        ) : (
          <CopyButton text={code} label="Copy the code" words="Copy" />
        )}
        <button type="button" class="btn" onClick={onClose}>
          {code === null ? "Cancel" : "Done"}
        </button>
      </div>
    </Dialog>
  );
}
