// Who changed what, newest first.
import { moment } from "../figures/days";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { Panel, useList } from "./load";
import { More } from "./people";
import { sorting } from "./place";

interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
}

const columns: Column<Entry>[] = [
  { id: "when", label: "When", value: (entry) => entry.at, show: (entry) => <time dateTime={entry.at}>{moment(entry.at)}</time> },
  { id: "who", label: "Who", value: (entry) => entry.actor },
  { id: "what", label: "What", value: (entry) => entry.action, show: (entry) => <code>{entry.action}</code> },
  { id: "target", label: "To what", value: (entry) => entry.target, isLong: true },
];

export function Audit() {
  const list = useList<Entry>("/api/admin/audit", "entries", 50);
  return (
    <Panel title="Audit" load={list} tools={<SaveAsCsv file="t3nets-audit.csv" columns={columns} rows={list.items} />} lines={8}>
      {() => (
        <>
          {list.items.length === 0 ? <p class="none">Nothing was changed yet.</p> : <SortedTable name="Audit" columns={columns} rows={list.items} keyOf={(entry) => entry.id} {...sorting("sort", columns, { column: "when", descending: true })} />}
          <More list={list} />
        </>
      )}
    </Panel>
  );
}
