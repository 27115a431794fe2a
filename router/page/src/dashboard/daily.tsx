// Turns, tokens, cost and refusals a day, as bars and as a table of the same numbers.
import type { ComponentChildren } from "preact";
import { StackedBars } from "../figures/bars";
import { dayLabel, type Day, daysUntil } from "../figures/days";
import { compact, cost, count } from "../figures/numbers";
import { type Column, SaveAsCsv, SortedTable } from "../figures/table";
import { withQuery } from "../common/api";
import { Panel, useLoad } from "./load";
import { go, oneOf, sorting } from "./place";
import { BYS, type By, type GroupedUsage, MEASURES, type Measure, type Usage, eachDay, measured, seriesOf } from "./usage";
import type { Series } from "../figures/bars";

const NAMES: Record<By, string> = { route: "route", model: "model", user: "user", key: "key" };

export const formatOf = (measure: Measure) => (value: number | null) => (measure === "cost" ? cost(value) : value === null ? "unknown" : measure === "tokens" ? compact(value) : count(value));

export function Daily({ today, days }: { today: Day; days: number }) {
  const by = oneOf("by", BYS, "route");
  const measure = oneOf("measure", Object.keys(MEASURES) as Measure[], "turns");
  const load = useLoad<GroupedUsage>(withQuery("/api/admin/usage", { days, by }));
  const period = daysUntil(today, days);
  const tools = (
    <>
      <Choice label="Measure" value={measure} options={MEASURES} onChange={(measure) => go({ measure })} />
      <Choice label="Divided by" value={by} options={{ route: "by route", model: "by model", user: "by user", key: "by key" }} onChange={(by) => go({ by })} />
    </>
  );
  const name = load.value && !load.value.groups ? `${MEASURES[measure]} a day` : `${MEASURES[measure]} a day, by ${NAMES[by]}`;
  return (
    <Panel title={name} class="w3" load={load} tools={tools} lines={6}>
      {(usage) => <Bars name={name} file={`${measure}-by-${by}`} series={usage.groups ? seriesOf(usage, period, measure) : whole(usage, period, measure)} days={period} measure={measure} today={today} empty={<> <a href="/setup">Set up Jira and invite people</a></>} />}
    </Panel>
  );
}

/** All of it as one series: a router that does not tell by whom. */
export function whole(usage: Usage, days: readonly Day[], measure: Measure): Series[] {
  const values = eachDay(usage.days, days).map((day) => measured(measure, day));
  return values.every((value) => value === 0) ? [] : [{ id: "all", label: MEASURES[measure], values }];
}

interface BarsProps {
  name: string;
  file: string;
  series: Series[];
  days: readonly Day[];
  measure: Measure;
  today: Day;
  /** What to do where nothing was used. */
  empty?: ComponentChildren;
}

export function Bars({ name, file, series, days, measure, today, empty }: BarsProps) {
  if (series.length === 0) return <p class="none">{{ turns: "No turns", tokens: "No tokens", cost: "No cost", refusals: "Nothing was refused" }[measure]} {days.length === 1 ? "today" : `in these ${days.length} days`} (UTC).{measure === "turns" && empty}</p>;
  const format = formatOf(measure);
  type Row = { day: Day; values: (number | null)[] };
  const rows: Row[] = days.map((day, index) => ({ day, values: series.map((of) => of.values[index] ?? null) }));
  const columns: Column<Row>[] = [
    { id: "day", label: "Day (UTC)", value: (row) => row.day, show: (row) => `${dayLabel(row.day)}${row.day === today ? " – not over" : ""}` },
    ...series.map((of, index): Column<Row> => ({ id: `s${index}`, label: of.label, isNumber: true, value: (row) => row.values[index] ?? null, show: (row) => format(row.values[index] ?? null) })),
  ];
  return (
    <>
      <StackedBars name={name} days={days} series={series} format={format} isWhole={measure !== "cost"} unfinished={today} />
      <div class="numbers-of">
        <SaveAsCsv file={`t3nets-${file}`} columns={columns} rows={rows} days={days} />
        <details class="numbers">
          <summary>The same numbers as a table</summary>
          <SortedTable name={name} columns={columns} rows={rows} keyOf={(row) => row.day} {...sorting("daily", columns, { column: "day", descending: true })} />
        </details>
      </div>
    </>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Record<T, string>;
  onChange: (value: T) => void;
}

export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <select class="choice" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
      {(Object.entries(options) as [T, string][]).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
