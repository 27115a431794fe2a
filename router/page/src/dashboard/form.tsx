// Fields of a form: a label, what is typed, and below it what it is for or what is wrong with it.
import { useId } from "preact/hooks";
import type { ComponentChildren, JSX, Ref } from "preact";
import type { Action } from "../common/action";
import { ApiError } from "../common/api";
import { CopyButton } from "../common/copy";
import { ErrorNote, Note, sentence } from "../common/note";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong with it, in place of the hint. */
  wrong?: string | undefined;
  children: (props: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => JSX.Element;
}

export function Field({ label, hint, wrong, children }: FieldProps) {
  const id = useId();
  const below = wrong ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": below ? `${id}-hint` : undefined, "aria-invalid": wrong !== undefined })}
      {below && (
        <p id={`${id}-hint`} class={wrong ? "hint no" : "hint"} role={wrong ? "alert" : undefined}>
          {below}
        </p>
      )}
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  onLeave?: () => void;
  hint?: ComponentChildren;
  wrong?: string | undefined;
  type?: string;
  placeholder?: string | undefined;
  required?: boolean;
  list?: string;
  /** Filled by a password manager or the browser; a form about others must not be. */
  autocomplete?: string;
}

export function Text({ label, value, onInput, onLeave, hint, wrong, type = "text", placeholder, required, list, autocomplete = "off" }: TextProps) {
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(props) => <input {...props} class="in" {...({ type } as { type: "text" })} value={value} placeholder={placeholder} required={required} list={list} autocomplete={autocomplete} spellcheck={false} autocapitalize="off" onInput={(event) => onInput(event.currentTarget.value)} onBlur={onLeave} />}
    </Field>
  );
}

/** Whether each word that is looked for stands somewhere in what is told of a row. */
export function matches(filter: string, told: readonly (string | null)[]): boolean {
  const text = told.join(" ").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function Filter({ label, value, onInput }: { label: string; value: string; onInput: (value: string) => void }) {
  return <input class="choice filter" type="search" aria-label={label} placeholder={label} autocomplete="off" spellcheck={false} value={value} onInput={(event) => onInput(event.currentTarget.value)} />;
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  hint?: ComponentChildren;
  wrong?: string | undefined;
  disabled?: boolean;
}

export function Select<T extends string>({ label, value, options, onChange, hint, wrong, disabled }: SelectProps<T>) {
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(props) => (
        <select {...props} class="in" value={value} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** What the API said of a field, where it names it. */
export const wrongWith = (error: unknown, field: string): string | undefined => (error instanceof ApiError && error.field === field ? sentence(error.message) : undefined);

/** Whether somebody else changed the same meanwhile. */
export const isChanged = (error: unknown) => error instanceof ApiError && error.code === "changed";

interface FormErrorProps {
  error: unknown;
  /** Those that say themselves what is wrong with them. */
  fields?: readonly string[];
  /** Shows what somebody else changed meanwhile. */
  onCurrent?: (() => void) | undefined;
  /** What is said then, in place of the API's words. */
  changed?: string | undefined;
}

/** An error that none of the form's fields shows. */
export function FormError({ error, fields = [], onCurrent, changed }: FormErrorProps) {
  if (!error || (error instanceof ApiError && error.field !== undefined && fields.includes(error.field))) return null;
  const actions = isChanged(error) && onCurrent && (
    <button type="button" onClick={onCurrent}>
      Show the current values
    </button>
  );
  if (!isChanged(error) || !changed) return <ErrorNote error={error} actions={actions} />;
  return (
    <Note kind="bad" actions={actions}>
      {changed}
    </Note>
  );
}

interface ActionFormProps extends Omit<FormErrorProps, "error"> {
  action: Action;
  /** In place of the action's own. */
  error?: unknown;
  onSubmit: (event: SubmitEvent) => unknown;
  /** The button that sends it, and what it says meanwhile. */
  says: string;
  busySays?: string;
  /** Whether there is something to send. */
  isReady?: boolean;
  onCancel?: (() => void) | undefined;
  /** Buttons between the two. */
  others?: ComponentChildren;
  /** What is wrong with a field is said by the page alone. */
  noValidate?: boolean;
  form?: Ref<HTMLFormElement>;
  children: ComponentChildren;
}

/** A form that does something: what went wrong stands above its buttons, and while it is done it is not done again. */
export function ActionForm({ action, error = action.error, onSubmit, says, busySays = says, isReady = true, onCancel, others, noValidate = false, form = null, children, ...errors }: ActionFormProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void onSubmit(event);
  };
  return (
    <form ref={form} onSubmit={submit} noValidate={noValidate}>
      {children}
      <FormError error={error} {...errors} />
      <div class="buttons">
        <button type="submit" class="btn p" disabled={action.busy || !isReady}>
          {action.busy ? busySays : says}
        </button>
        {others}
        {onCancel && (
          <button type="button" class="btn" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

/** A secret that is shown now and never again: whole, over as many lines as it takes. */
export function ShownOnce({ label, value, children, end, onCopied }: { label: string; value: string; children: ComponentChildren; end?: ComponentChildren; onCopied?: () => void }) {
  return (
    <div class="once">
      <Field label={label} hint={children}>
        {(props) => <textarea {...props} class="in mono" readOnly rows={Math.ceil(value.length / 36)} spellcheck={false} value={value} onFocus={(event) => event.currentTarget.select()} onCopy={onCopied} />}
      </Field>
      <div class="buttons">
        <CopyButton text={value} label={`Copy the ${label.toLowerCase()}`} words="Copy" isFirst onCopied={onCopied} />
        {end}
      </div>
    </div>
  );
}
