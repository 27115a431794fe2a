// What an admin sees first: figures, bars, health, who used it. Each part asks for itself.
import { daysUntil, today as utcToday, zone } from "../figures/days";
import { withQuery } from "../common/api";
import { Note } from "../common/note";
import { me } from "../common/session";
import { Budgets, useNames } from "./budgets";
import { Cards } from "./cards";
import { Daily } from "./daily";
import { Health } from "./health";
import { type Integration, isSample } from "./integrations";
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

/** Whose days and times these are, where they are not the same. */
export const Zones = () => (/^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal)$/.test(zone()) ? null : <> · days are UTC, times yours ({zone()})</>);

/** Where to begin, as long as nothing is connected and nobody else is there. */
function Fresh() {
  const integrations = useLoad<{ integrations: Integration[] }>("/api/admin/integrations");
  const people = useLoad<{ users: unknown[] }>("/api/admin/users?limit=2");
  const connected = integrations.value?.integrations?.some((of) => of.connected && !isSample(of)) ?? true;
  if (connected || (people.value?.users?.length ?? 2) > 1) return null;
  return (
    <div class="fresh">
      <Note kind="info" actions={<a href="/setup">Set up your team</a>}>
        Connect Jira and invite your team to get started.
      </Note>
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
  const whose = useNames(usage.value?.budgets);
  return (
    <>
      <header class="about">
        <span class="sub">
          {me.value?.tenant_name} · {me.value?.environment}
          <Zones />
        </span>
        <Periods />
      </header>
      <Fresh />
      <div class="grid">
        <Cards usage={usage} limits={limits} today={today} days={days} />
        <Budgets load={usage} of={(usage) => usage.budgets} whose={whose} />
        <Daily today={today} days={days} />
        <Health />
        <UsersOfIt today={today} days={days} />
      </div>
    </>
  );
}
