// The phrases that mean a skill: which there are, switching built-in ones off and on, and what a message would fire.
import { Fragment } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { withQuery } from "../common/api";
import { LABELS } from "../common/names";
import { ErrorNote, toast } from "../common/note";
import { count } from "../figures/numbers";
import { Choice } from "./daily";
import { Filter, FormError, Text, isChanged, matches } from "./form";
import { type Loaded, Panel, send, useLoad } from "./load";
import { addressWith, follow, go, oneOf } from "./place";
import type { TenantSettings } from "./settings";

// Here and not among the others: who only asks need not load it.
LABELS["disabled_triggers"] = "Built-in phrases switched off";

interface Trigger {
  phrase: string;
  /** Null of one that this release does not have. */
  skill: string | null;
  action: string | null;
  origin: "built_in" | "own";
  state: "enabled" | "disabled" | "unknown";
  words: string[];
}
interface All {
  triggers: Trigger[];
}

const PATH = "/api/admin/triggers";
const SHOWN = { all: "all", off: "switched off", own: "the team’s own" };
type Shown = keyof typeof SHOWN;

/** By which the API switches it: two skills may have the same phrase. */
const nameOf = ({ skill, phrase }: Trigger) => (skill === null ? phrase : `${skill}: ${phrase}`);
const skillOf = ({ skill, action }: Trigger) => (action === null ? skill : `${skill}/${action}`);
const isShown = (trigger: Trigger, shown: Shown) => shown === "all" || (shown === "own" ? trigger.origin === "own" : trigger.state !== "enabled");
const phrases = (many: number) => `${count(many)} ${many === 1 ? "phrase" : "phrases"}`;

/** Switches built-in triggers, one call after the other: of two at once the router would refuse one. */
function useSwitches(load: Loaded<All>, onDone: () => void) {
  const [wanted, setWanted] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [failed, setFailed] = useState<{ name: string; error: unknown } | null>(null);
  const last = useRef(Promise.resolve());
  const turn = (trigger: Trigger, isOn: boolean) => {
    const name = nameOf(trigger);
    setFailed(null);
    setWanted((before) => new Map(before).set(name, isOn));
    last.current = last.current.then(async () => {
      try {
        load.put(await send<All>("PATCH", PATH, { [isOn ? "enable" : "disable"]: [name] }));
        toast(`“${trigger.phrase}” ${trigger.state === "unknown" ? "was taken away" : `was switched ${isOn ? "on" : "off"}; this holds within 5 seconds`}`);
        onDone();
      } catch (error) {
        setFailed({ name, error });
        // What somebody else changed is to be seen.
        if (isChanged(error)) load.reload();
      }
      // Switched back meanwhile, it still waits for that.
      setWanted((before) => (before.get(name) === isOn ? new Map([...before].filter(([of]) => of !== name)) : before));
    });
  };
  return {
    turn,
    isOn: (trigger: Trigger) => wanted.get(nameOf(trigger)) ?? trigger.state === "enabled",
    errorOf: (trigger: Trigger) => (failed?.name === nameOf(trigger) ? failed.error : null),
  };
}
type Switches = ReturnType<typeof useSwitches>;

export function Triggers() {
  const load = useLoad<All>(PATH);
  const [asked, setAsked] = useState<string | null>(null);
  const tried = useLoad<{ fires: Trigger | null }>(asked === null ? null : withQuery(PATH, { message: asked }));
  const settings = useLoad<TenantSettings>("/api/settings");
  const switches = useSwitches(load, tried.reload);
  const [filter, setFilter] = useState("");
  const shown = oneOf("show", Object.keys(SHOWN) as Shown[], "all");
  const enabled = settings.value?.settings?.find(({ name }) => name === "enabled_skills")?.value;
  const tools = (
    <>
      <Filter label="Search phrases" value={filter} onInput={setFilter} />
      <Choice label="Show" value={shown} options={SHOWN} onChange={(show) => go({ show: show === "all" ? null : show })} />
    </>
  );
  return (
    <>
      <div class="card narrow">
        <Try asked={asked} tried={tried} onAsk={(message) => (message === asked ? tried.reload() : setAsked(message))} switches={switches} />
      </div>
      <Panel title="Triggers" class="narrow" load={load} tools={tools} lines={8}>
        {({ triggers }) => (
          <>
            <p class="hint">
              Phrases that mean a skill. A message that has all the words of one, in any order, and says little else is answered by that skill, without the model choosing. Below a phrase are the words that it takes, with a slash between alternatives. If one is off, its messages go to the model, which may still use the skill. The team’s own phrases are written under <ToSettings />.
            </p>
            <Groups triggers={triggers.filter((trigger) => isShown(trigger, shown) && matches(filter, [skillOf(trigger), trigger.phrase, ...trigger.words]))} isOpen={filter.trim() !== "" || shown !== "all"} isOff={(skill) => Array.isArray(enabled) && !enabled.includes(skill)} switches={switches} none={noneOf(filter, shown)} />
          </>
        )}
      </Panel>
    </>
  );
}

const noneOf = (filter: string, shown: Shown) => (filter.trim() ? "No phrase matches." : { all: "There are no triggers.", off: "All built-in phrases are on.", own: "The team has no phrases of its own." }[shown]);

function ToSettings() {
  const changes = { view: "settings", show: null };
  return (
    <a href={addressWith(changes)} onClick={(event) => follow(event, changes)}>
      Settings
    </a>
  );
}

interface TryProps {
  asked: string | null;
  tried: Loaded<{ fires: Trigger | null }>;
  onAsk: (message: string) => void;
  switches: Switches;
}

function Try({ asked, tried, onAsk, switches }: TryProps) {
  const [typed, setTyped] = useState("");
  const message = typed.trim();
  const submit = (event: Event) => {
    event.preventDefault();
    if (message && !tried.busy) onAsk(message);
  };
  const fires = tried.isOld || asked === null ? undefined : tried.value?.fires;
  return (
    <form class="try" onSubmit={submit}>
      <Text label="Try a message" value={typed} onInput={setTyped} placeholder="how is the sprint going" hint="Tells which skill it would reach. No model is asked, and nothing is kept." />
      <div role="status">{fires !== undefined && <Fired message={asked!} fires={fires} />}</div>
      {tried.error !== undefined && <ErrorNote error={tried.error} />}
      {fires && switches.errorOf(fires) !== null && <Failed error={switches.errorOf(fires)} />}
      <div class="buttons">
        <button type="submit" class="btn p" disabled={!message}>
          {tried.busy ? "Trying…" : "Try"}
        </button>
        {fires?.origin === "built_in" && (
          <button type="button" class="btn" disabled={!switches.isOn(fires)} onClick={() => switches.turn(fires, false)}>
            Switch “{fires.phrase}” off
          </button>
        )}
      </div>
    </form>
  );
}

function Fired({ message, fires }: { message: string; fires: Trigger | null }) {
  if (fires === null) return <p class="fired">“{message}” fires no trigger. The model answers it, unless it is small talk, such as a greeting.</p>;
  return (
    <p class="fired">
      “{message}” reaches <b>{skillOf(fires)}</b>, by {fires.origin === "own" ? "the team’s own" : "the built-in"} phrase <b>{fires.phrase}</b>.
    </p>
  );
}

interface GroupsProps {
  triggers: readonly Trigger[];
  /** Whether what is in them is what was looked for. */
  isOpen: boolean;
  /** Whether the team does not use a skill. */
  isOff: (skill: string) => boolean;
  switches: Switches;
  none: string;
}

function Groups({ triggers, isOpen, isOff, switches, none }: GroupsProps): JSX.Element {
  if (triggers.length === 0) return <p class="none">{none}</p>;
  // The team's own come first in each, and make no order of the skills.
  const skills = [...new Set([...triggers.filter(({ origin }) => origin === "built_in"), ...triggers].map(({ skill }) => skill))];
  return (
    <>
      {skills.map((skill) => {
        const rows = triggers.filter((trigger) => trigger.skill === skill);
        const off = rows.filter((trigger) => !switches.isOn(trigger)).length;
        const isUnused = skill !== null && isOff(skill);
        return (
          <details key={`${skill} ${isOpen}`} class="triggers" open={isOpen}>
            <summary>
              <h3>{skill ?? "Not in this release"}</h3>
              <span class="soft">
                {phrases(rows.length)}
                {skill !== null && off > 0 && `, ${count(off)} off`}
              </span>
              {isUnused && <span class="tag plain">not used</span>}
            </summary>
            {isUnused && <p class="hint">The team does not use this skill: none of these takes a message. Skills are chosen under <ToSettings />.</p>}
            {skill === null && <p class="hint">These were switched off, and are built in no more. They do nothing.</p>}
            <ul>
              {rows.map((trigger) => (
                <Row key={nameOf(trigger)} trigger={trigger} switches={switches} />
              ))}
            </ul>
          </details>
        );
      })}
    </>
  );
}

/** Of words as the API has them, those of a question alone begin with a question mark. */
const worded = (words: string) => words.replace(/^\? /, "in a question: ");

function Row({ trigger, switches }: { trigger: Trigger; switches: Switches }) {
  const id = useId();
  const { phrase, action, origin, state, words } = trigger;
  const isOn = switches.isOn(trigger);
  const told = words.map(worded).join("; ");
  const error = switches.errorOf(trigger);
  return (
    <li>
      <div class="what">
        <span id={id}>{phrase}</span>{" "}
        {action !== null && <span class="tag plain beside">{action}</span>}
        {told !== "" && told !== phrase && (
          <small class="below">
            {told.split("/").map((part, index) => (
              <Fragment key={index}>
                {index > 0 && <>/<wbr /></>}
                {part}
              </Fragment>
            ))}
          </small>
        )}
      </div>
      {origin === "own" ? (
        <span class="tag">the team’s own</span>
      ) : state === "unknown" ? (
        <button type="button" class="btn small" aria-label={`Take away ${phrase}`} onClick={() => switches.turn(trigger, true)}>
          Take away
        </button>
      ) : (
        <label class="switch">
          <input type="checkbox" role="switch" aria-labelledby={id} checked={isOn} onChange={(event) => switches.turn(trigger, event.currentTarget.checked)} />
          <span aria-hidden="true">{isOn ? "On" : "Off"}</span>
        </label>
      )}
      {error !== null && <Failed error={error} />}
    </li>
  );
}

function Failed({ error }: { error: unknown }) {
  return (
    <div role="alert">
      <FormError error={error} changed="Somebody else changed the team’s settings at the same moment. Nothing was switched: see what holds now, and try again." />
    </div>
  );
}
