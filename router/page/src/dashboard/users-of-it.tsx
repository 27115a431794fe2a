// Who used it: a table of the period's groups.
import { dayLabel, type Day, daysUntil } from "../figures/days";
import { compact, cost, count, NO_DATA } from "../figures/numbers";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { withQuery } from "../common/api";
import { Choice } from "./daily";
import { Panel, useLoad } from "./load";
import { go, oneOf, sorting } from "./place";
import { BYS, type Counts, type Group, type GroupedUsage, keyOf, labelOf, lastUse, tokens, turns } from "./usage";

type Row = Group & Counts & { last: Day | null };
const KINDS = { user: "Person", key: "Key", model: "Model", route: "Route" };
const TITLES = { user: "Who used it", key: "Keys that were used", model: "Models that answered", route: "How it was answered" };
const STATES: Record<Group["state"], string> = { current: "", former: "former", none: "", not_attributed: "" };

export function UsersOfIt({ today, days }: { today: Day; days: number }) {
  const of = oneOf("of", BYS, "user");
  const load = useLoad<GroupedUsage>(withQuery("/api/admin/usage", { days, by: of }));
  const columns: Column<Row>[] = [
    { id: "name", label: KINDS[of], value: (row) => labelOf(row), show: (row) => <Name row={row} /> },
    { id: "turns", label: "Turns", isNumber: true, value: turns, show: (row) => count(turns(row)) },
    { id: "failed", label: "Failed", isNumber: true, value: (row) => row.failed ?? null, show: (row) => (row.failed === undefined ? NO_DATA : count(row.failed)) },
    { id: "refused", label: "Refused", isNumber: true, value: (row) => row.refusals ?? null, show: (row) => (row.refusals === undefined ? NO_DATA : count(row.refusals)) },
    { id: "tokens", label: "Tokens", isNumber: true, value: tokens, show: (row) => compact(tokens(row)) },
    { id: "cost", label: "Cost", isNumber: true, value: (row) => row.cost_usd, show: (row) => (row.cost_usd === null ? <span class="unknown">unknown</span> : cost(row.cost_usd)) },
    { id: "last", label: "Last day (UTC)", value: (row) => row.last, show: (row) => (row.last === null ? NO_DATA : row.last === today ? "today" : dayLabel(row.last)) },
  ];
  const order = sorting("sort", columns, { column: "turns", descending: true });
  if (load.value && !load.value.groups) return null;
  const rows = (usage: GroupedUsage): Row[] => {
    const last = lastUse(usage);
    return usage.groups.map((group) => ({ ...group, last: last.get(keyOf(group)) ?? null }));
  };
  const tools = (
    <>
      {load.value && !load.isOld && <SaveAsCsv file={`t3nets-usage-by-${of}`} days={daysUntil(today, days)} columns={columns} rows={() => rows(load.value!)} />}
      <Choice label="Who" value={of} options={{ user: "people", key: "keys", model: "models", route: "routes" }} onChange={(of) => go({ of })} />
    </>
  );
  return (
    <Panel title={TITLES[of]} class="w4" load={load} tools={tools} lines={4}>
      {(usage) => (usage.groups.length === 0 ? <p class="none">Nothing was asked in this period.</p> : <SortedTable name={TITLES[of]} columns={columns} rows={rows(usage)} keyOf={keyOf} {...order} />)}
    </Panel>
  );
}

function Name({ row }: { row: Row }) {
  return (
    <>
      <span class="cut" title={labelOf(row)}>{labelOf(row)}</span>
      {STATES[row.state] && <span class="tag plain beside">{STATES[row.state]}</span>}
    </>
  );
}
