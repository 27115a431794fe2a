// What anyone sees of their own use; nothing here needs an admin.
import { Sparkline } from "../figures/small";
import { daysUntil, today as utcToday } from "../figures/days";
import { compact, cost, count } from "../figures/numbers";
import { withQuery } from "../common/api";
import { Note } from "../common/note";
import { me } from "../common/session";
import { Budgets, ownBudget } from "./budgets";
import { Today } from "./cards";
import { Bars, Choice, whole } from "./daily";
import { Panel, isAbsent, useLoad } from "./load";
import { Periods, Zones } from "./overview";
import { daysOf, oneOf, range } from "./place";
import { type Limits, MEASURES, type Measure, type Usage, eachDay, notAnswered, tokens, turns } from "./usage";
import { go } from "./place";

export function Own() {
  const today = utcToday();
  const days = daysOf(range.value, today);
  const load = useLoad<Usage & { limits: Limits }>(withQuery("/api/usage", { days }));
  const period = daysUntil(today, days);
  if (isAbsent(load.error)) return <Note kind="info">What each person used is not recorded here.</Note>;
  const measure = oneOf("measure", Object.keys(MEASURES) as Measure[], "turns");
  const name = `Your ${MEASURES[measure].toLowerCase()} a day`;
  return (
    <>
      <header class="about">
        <span class="sub">
          {me.value?.tenant_name} · your own use
          <Zones />
        </span>
        <Periods />
      </header>
      <div class="grid">
        <Panel title="Your turns" load={load}>
          {(usage) => (
            <>
              <div class="big">{count(turns(usage.total))}</div>
              <div class="sub">{notAnswered(usage.total) === 0 ? "all were answered" : `${count(notAnswered(usage.total))} not answered`}</div>
              <Sparkline values={eachDay(usage.days, period).map(turns)} />
            </>
          )}
        </Panel>
        <Panel title="Tokens" load={load}>
          {(usage) => (
            <>
              <div class="big">{compact(tokens(usage.total))}</div>
              <div class="sub">
                {compact(usage.total.input_tokens)} read, {compact(usage.total.output_tokens)} written
              </div>
              <Sparkline values={eachDay(usage.days, period).map(tokens)} />
            </>
          )}
        </Panel>
        <Panel title="Cost" load={load}>
          {(usage) => (
            <>
              <div class={usage.total.cost_usd === null ? "big words" : "big"}>{cost(usage.total.cost_usd)}</div>
              <div class="sub">{usage.total.cost_usd === null ? `${cost(usage.total.priced_cost_usd)} is known` : "paid by your team"}</div>
              <Sparkline values={eachDay(usage.days, period).map((day) => day.priced_cost_usd)} />
            </>
          )}
        </Panel>
        <Panel title="Your team's messages today" load={load}>
          {(usage) => <Today limits={usage.limits} today={today} />}
        </Panel>
        <Budgets load={load} of={(usage) => usage.limits.budgets} whose={ownBudget} />
        <Panel title={name} class="w4" load={load} lines={6} tools={<Choice label="Measure" value={measure} options={MEASURES} onChange={(measure) => go({ measure })} />}>
          {(usage) => <Bars name={name} file={`my-${measure}`} series={whole(usage, period, measure)} days={period} measure={measure} today={today} />}
        </Panel>
      </div>
    </>
  );
}
