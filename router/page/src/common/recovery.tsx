// A recovery code: signs its owner in once, where key and link are lost. It is shown once.
import { useState } from "preact/hooks";
import type { JSX } from "preact";
import { useAction } from "./action";
import { call } from "./api";
import { CopyButton } from "./copy";
import { Dialog, Done } from "./dialog";
import { ErrorNote } from "./note";

export function RecoveryCode({ onClose }: { onClose: () => void }): JSX.Element {
  const [code, setCode] = useState<string | null>(null);
  const action = useAction();
  const make = () => action.run(async () => setCode((await call<{ recovery_code: string }>("POST", "/api/me/recovery-code", { asked: true })).recovery_code));
  return (
    <Dialog title="Recovery code" onClose={onClose} once={code === null ? undefined : "The code"}>
      {code === null ? (
        <p class="says">It signs you in once when you have neither a key nor a link. Keep it where you keep passwords. It is shown once; a new one replaces it.</p>
      ) : (
        <>
          <p class="says">Keep it now: it is not shown again.</p>
          <p class="secret">
            <code>{code}</code>
          </p>
          <div class="buttons">
            <CopyButton text={code} label="Copy the code" words="Copy" isFirst />
            <Done />
          </div>
        </>
      )}
      {action.error !== null && <ErrorNote error={action.error} />}
      {code === null && (
        <div class="buttons">
          <button type="button" class="btn p" disabled={action.busy} onClick={() => void make()}>
            {action.busy ? "Creating…" : "Create a code"}
          </button>
          <button type="button" class="btn" onClick={onClose}>
            Cancel
          </button>
        </div>
      )}
    </Dialog>
  );
}
