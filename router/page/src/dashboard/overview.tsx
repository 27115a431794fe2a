// What an admin sees first: figures, bars, health, who used it. Each part asks for itself.
import { daysUntil, today as utcToday, zone } from "../figures/days";
import { withQuery } from "../common/api";
import { me } from "../common/session";
import { Cards } from "./cards";
import { Daily } from "./daily";
import { Health } from "./health";
import { useLoad } from "./load";
import { RANGES, chooseRange, daysOf, range } from "./place";
import { type Limits, type Usage } from "./usage";
import { UsersOfIt } from "./users-of-it";

export function Periods() {
  return (
    <div class="seg" role="group" aria-label="Period">
      {RANGES.map(([name, label]) => (
        <button key={name} type="button" aria-pressed={range.value === name} onClick={() => chooseRange(name)}>
          {label}
        </button>
      ))}
    </div>
  );
}

export function Overview() {
  const today = utcToday();
  const days = daysOf(range.value, today);
  // As many days before, to compare with; the whole month, for what it will cost; two weeks, for the lines.
  const asked = Math.min(366, Math.max(2 * days, daysUntil(today, 31).length));
  const usage = useLoad<Usage>(withQuery("/api/admin/usage", { days: asked }));
  const limits = useLoad<{ limits: Limits }>("/api/settings");
  return (
    <>
      <header class="about">
        <span class="sub">
          {me.value?.tenant_name} · {me.value?.environment} · days are UTC, times yours ({zone()})
        </span>
        <Periods />
      </header>
      <div class="grid">
        <Cards usage={usage} limits={limits} today={today} days={days} />
        <Daily today={today} days={days} />
        <Health />
        <UsersOfIt today={today} days={days} />
      </div>
    </>
  );
}
