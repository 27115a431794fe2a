// First sight: a greeting, who answers, by what, and questions to begin with.
import type { JSX } from "preact";
import { modelOf, serverNow } from "../common/api";
import { me } from "../common/session";
import { shownBox } from "./drafts";
import { touch } from "./keys";
import type { Conversation } from "./model";
import { send } from "./sending";

/** As many questions as one takes in. */
const MOST = 4;

/** What a well-known question brings. */
const ABOUT: [RegExp, string][] = [
  [/block/i, "Flagged and labelled issues"],
  [/release/i, "Drafted from a version in Jira"],
  [/\b(my|mine|I)\b/, "Your open issues in this sprint"],
  [/sprint/i, "Progress, goal and blockers"],
  [/can you|help/i, "What I can do"],
];

function greeting(): string {
  const hour = new Date(serverNow()).getHours();
  return hour < 5 ? "Good evening" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";
}

export function FirstSight({ conversation }: { conversation: Conversation }): JSX.Element | null {
  const who = me.value;
  if (!who) return null;
  const name = who.user?.display_name.split(/\s+/)[0];
  const asks = (who.ask ?? []).slice(0, MOST);
  const isBusy = conversation.isSending.value;
  const begin = (ask: string) => {
    void send(conversation, ask);
    // The button goes; what one does next is to ask on. (A phone's keyboard would cover the answer.)
    if (!touch.matches) shownBox.value?.focus();
  };
  const model = modelOf(who);
  const source = who.sample_data ? "sample data: a made-up team and its sprint" : "your team’s tools";
  return (
    <>
      <h2>
        {greeting()}
        {name ? `, ${name}` : ""}
      </h2>
      <p>
        {model ? `${model} answers for ${who.tenant_name}, from ${source}.` : `Answers come from ${source}.`}
      </p>
      {asks.length > 0 && (
        <div class={`asks of${asks.length}`} role="group" aria-label="Questions to begin with">
          {asks.map((ask) => (
            // What is in the box stays there.
            <button key={ask} type="button" aria-disabled={isBusy} onClick={() => begin(ask)}>
              <b>{ask.charAt(0).toUpperCase() + ask.slice(1)}</b>
              <span>{ABOUT.find(([words]) => words.test(ask))?.[1]}</span>
            </button>
          ))}
        </div>
      )}
    </>
  );
}
