// The figures at first sight: how much was asked, what it cost, whether the limits last, what was not answered.
import { Meter, Sparkline } from "../figures/small";
import { clock, dayLabel, type Day, daysUntil, plus, share } from "../figures/days";
import { change, compact, cost, count, plural } from "../figures/numbers";
import { type Loaded, Panel } from "./load";
import { type Limits, type Usage, eachDay, monthsCost, notAnswered, summed, tokens, turns } from "./usage";

/** Few a day are not rounded to none. */
const rate = (value: number) => (value >= 10 ? compact(Math.round(value)) : value.toLocaleString("en-US", { maximumFractionDigits: 1 }));

interface Props {
  usage: Loaded<Usage>;
  limits: Loaded<{ limits: Limits }>;
  today: Day;
  days: number;
}

export function Cards({ usage, limits, today, days }: Props) {
  const period = daysUntil(today, days);
  const before = daysUntil(plus(today, -days), days);
  // A day that has begun says little as a line: two weeks of it do.
  const line = daysUntil(today, Math.max(days, 14));
  const known = usage.value === undefined || usage.value.days.length === 0 || usage.value.days.some((day) => day.failed !== undefined);
  return (
    <>
      <Panel title="Turns" load={usage}>
        {(usage) => {
          const now = turns(summed(eachDay(usage.days, period)));
          const earlier = turns(summed(eachDay(usage.days, before)));
          const compared = earlier === 0 ? (days === 1 ? "none yesterday" : `none in the ${days} days before`) : change(now, earlier);
          const parts = [days > 1 && now / days >= 0.05 ? `${rate(now / days)} a day` : null, 2 * days <= 366 ? compared : null];
          return (
            <>
              <div class="big">{count(now)}</div>
              <div class="sub">{now === 0 && earlier === 0 ? "Nothing was asked yet" : parts.filter(Boolean).join(", ")}</div>
              <Sparkline values={eachDay(usage.days, line).map(turns)} />
            </>
          );
        }}
      </Panel>
      <Panel title="Cost" load={usage}>
        {(usage) => {
          const total = summed(eachDay(usage.days, period));
          const month = monthsCost(usage.days, today);
          return (
            <>
              <div class={total.cost_usd === null ? "big words" : "big"}>{cost(total.cost_usd)}</div>
              <div class="sub">
                {total.cost_usd === null
                  ? `${cost(total.priced_cost_usd)} is known; ${compact(total.unpriced_tokens)} tokens have no known price`
                  : month === null
                    ? `for ${compact(tokens(total))} tokens`
                    : month.sofar === 0
                      ? "nothing so far this month"
                      : month.projected === null
                      ? `${cost(month.sofar)} so far this month`
                      : `this month ${cost(month.sofar)}, at this rate ${cost(month.projected)} by ${dayLabel(month.by)}`}
              </div>
              <Sparkline values={eachDay(usage.days, line).map((day) => day.priced_cost_usd)} />
            </>
          );
        }}
      </Panel>
      <Panel title="Messages today" load={limits}>
        {({ limits }) => <Today limits={limits} today={today} />}
      </Panel>
      {known && (
        <Panel title="Not answered" load={usage}>
          {(usage) => {
            const total = summed(eachDay(usage.days, period));
            const none = notAnswered(total) === 0;
            return (
              <>
                <div class="big">{count(notAnswered(total))}</div>
                <div class="sub">{none ? "no failure, no refusal" : `${count(total.failed ?? 0)} failed, ${count(total.refusals ?? 0)} refused by a limit`}</div>
                <Sparkline values={eachDay(usage.days, line).map(notAnswered)} />
              </>
            );
          }}
        </Panel>
      )}
    </>
  );
}

/** How much of the day's limit is used, and whether it lasts. */
export function Today({ limits, today }: { limits: Limits; today: Day }) {
  const { messages_today: used, messages_per_day: most } = limits;
  const passed = share(today);
  const rate = passed > 0.1 && used > 0 ? Math.round(used / passed) : null;
  const text = `${count(used)} of ${plural(most, "message")}`;
  return (
    <>
      <div class="big">{count(used)}</div>
      <div class="sub">of {count(most)}</div>
      <Meter name="Messages today" value={used} of={most} text={text} />
      <div class="sub">
        {used >= most ? "Used up; " : rate !== null && rate > most ? `At this rate it runs out before it ` : ""}
        resets at {clock(limits.resets_at)}
      </div>
    </>
  );
}
