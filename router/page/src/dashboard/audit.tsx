// Who changed what, newest first.
import { useState } from "preact/hooks";
import { exactly } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { Filter, matches } from "./form";
import { More, Panel, useList } from "./load";
import { sorting } from "./place";
import { type Entry, actorOf, joined, worded } from "./trail";

const columns: Column<Entry>[] = [
  { id: "when", label: "When", value: (entry) => entry.at, show: (entry) => <time dateTime={entry.at}>{exactly(entry.at)}</time> },
  { id: "who", label: "Who", value: (entry) => actorOf(entry.actor).name, show: (entry) => <Who actor={entry.actor} /> },
  {
    id: "what",
    label: "What",
    value: (entry) => worded(entry) ?? entry.action,
    isLong: true,
    show: (entry) => (
      <>
        {worded(entry) ?? entry.action}
        <small class="below">
          <code>{entry.action}</code> {entry.target}
        </small>
      </>
    ),
  },
];
/** What is saved is the trail as it is. */
const saved: Column<Entry>[] = [
  { id: "when", label: "When", value: (entry) => entry.at },
  { id: "who", label: "Who", value: (entry) => entry.actor },
  { id: "what", label: "What", value: (entry) => worded(entry) },
  { id: "action", label: "Action", value: (entry) => entry.action },
  { id: "target", label: "Target", value: (entry) => entry.target },
];

function Who({ actor }: { actor: string }) {
  const { name, how } = actorOf(actor);
  return (
    <>
      <span class="cut" title={name}>{name}</span>
      {how && <span class="tag plain beside">{how}</span>}
    </>
  );
}

export function Audit() {
  const list = useList<Entry>("/api/admin/audit", "entries", 50);
  const [filter, setFilter] = useState("");
  const found = joined(list.items).filter((entry) => matches(filter, [worded(entry), entry.actor, entry.action, entry.target, exactly(entry.at)]));
  const tools = (
    <>
      <Filter label="Filter changes" value={filter} onInput={setFilter} />
      <SaveAsCsv file="t3nets-audit" columns={saved} rows={list.items.length === 0 ? [] : list.loadAll} />
    </>
  );
  return (
    <Panel title="Audit" load={list} tools={tools} lines={8}>
      {() => (
        <>
          {list.items.length === 0 ? (
            <p class="none">Nothing was changed yet.</p>
          ) : found.length === 0 ? (
            <p class="none">{list.hasMore ? "None of the loaded changes match." : "No change matches."}</p>
          ) : (
            <SortedTable name="Audit" columns={columns} rows={found} keyOf={(entry) => entry.id} {...sorting("sort", columns, { column: "when", descending: true })} stacks />
          )}
          <More list={list} all />
        </>
      )}
    </Panel>
  );
}
