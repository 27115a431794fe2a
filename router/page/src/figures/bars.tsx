// Bars of days, one series upon the other. Drawn at the box's true width, so that lines keep theirs on a phone; a
// cursor goes along the days by keyboard or pointer, and the legend tells the day it stands on.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { dayLabel, type Day, wholeDayLabel } from "./days";
import { axis } from "./numbers";

export interface Series {
  id: string;
  label: string;
  /** By day; `null` is not known. */
  values: readonly (number | null)[];
}

interface Props {
  name: string;
  days: readonly Day[];
  series: readonly Series[];
  format: (value: number | null) => string;
  /** Whether values are whole: then no line of the grid lies between two. */
  isWhole: boolean;
  /** The day that is not over. */
  unfinished: Day;
}

/** Beside the last bar, for the numbers of the lines. */
const SIDE = 36;
const FOOT = 20;
const HEAD = 8;
/** How many series have a colour and a pattern of their own. */
export const MOST_SERIES = 5;

/** The width of an element, as it changes. */
function useWidth() {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const watched = element.current!;
    const observer = new ResizeObserver(() => setWidth(Math.max(160, Math.round(watched.clientWidth))));
    observer.observe(watched);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}

const sum = (series: readonly Series[], day: number) => series.reduce((sum, of) => sum + (of.values[day] ?? 0), 0);
const isUnknown = (series: readonly Series[], day: number) => series.some((of) => of.values[day] === null);

export function StackedBars({ name, days, series, format, isWhole, unfinished }: Props) {
  const [box, width] = useWidth();
  const [cursor, setCursor] = useState<number | null>(null);
  const id = useId();
  const last = days.length - 1;
  const at = cursor === null ? last : Math.min(cursor, last);
  const { top, step } = axis(Math.max(...days.map((_, day) => sum(series, day))), isWhole);
  const plot = width - SIDE;
  // As tall as what stands beside it on a wide page.
  const bottom = (width > 520 ? 214 : 176) - FOOT;
  const room = bottom - HEAD - 1;
  const y = (value: number) => HEAD + room * (1 - value / top);
  const slot = plot / days.length;
  const gap = slot > 9 ? 3 : slot > 4 ? 1 : 0.25;
  // Few days make no slabs.
  const thick = Math.min(48, Math.max(0.5, slot - gap));
  const lines = Array.from({ length: Math.floor(top / step + 1e-9) }, (_, index) => (index + 1) * step);
  const every = Math.max(1, Math.ceil(54 / slot));

  const told = (day: number) => {
    const parts = series.map((of) => `${of.label} ${format(of.values[day] ?? null)}`);
    const whole = series.length > 1 ? `, together ${format(isUnknown(series, day) && sum(series, day) === 0 ? null : sum(series, day))}` : "";
    return `${wholeDayLabel(days[day]!)}${days[day] === unfinished ? ", not over yet" : ""}: ${parts.join(", ")}${whole}`;
  };
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 7, PageDown: -7, Home: -last, End: last };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setCursor(Math.min(last, Math.max(0, at + by)));
  };
  const point = (event: PointerEvent) => {
    const left = box.current!.getBoundingClientRect().left;
    setCursor(Math.min(last, Math.max(0, Math.floor((event.clientX - left) / slot))));
  };

  return (
    <figure class="chart">
      <div
        ref={box}
        class={`plot${cursor === null ? "" : " pointed"}`}
        role="slider"
        tabIndex={0}
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at}
        aria-valuetext={told(at)}
        onKeyDown={move}
        onFocus={() => setCursor((now) => now ?? last)}
        onBlur={() => setCursor(null)}
        onPointerMove={point}
        onPointerLeave={(event) => document.activeElement === event.currentTarget || setCursor(null)}
      >
        <svg width={plot} height={bottom} viewBox={`0 0 ${plot} ${bottom}`} aria-hidden="true">
          <defs>
            {series.map((of, index) => (
              <Pattern key={of.id} id={`${id}-${index}`} index={index} />
            ))}
          </defs>
          {lines.map((value) => (
            <line key={value} class="rule" x1={0} x2={plot} y1={y(value)} y2={y(value)} />
          ))}
          <line class="rule base" x1={0} x2={plot} y1={y(0)} y2={y(0)} />
          {cursor !== null && <rect class="cursor" x={at * slot} y={0} width={slot} height={bottom} />}
          {days.map((day, index) => {
            let from = 0;
            return (
              <g key={day} class={day === unfinished ? "unfinished" : undefined}>
                {series.map((of, which) => {
                  const value = of.values[index] ?? 0;
                  if (value <= 0) return null;
                  const [low, high] = [from, from + value];
                  from = high;
                  const height = Math.max(0.5, y(low) - y(high) - (low > 0 && y(low) - y(high) > 3 ? 1 : 0));
                  return <rect key={of.id} class={`bar s${which + 1}`} fill={`url(#${id}-${which})`} x={index * slot + (slot - thick) / 2} y={y(high)} width={thick} height={height} rx={slot > 9 ? 1.5 : 0} />;
                })}
                {isUnknown(series, index) && (
                  <path class="unknown" transform={`translate(${(index + 0.5) * slot - 4} ${y(from) - 14})`} d="M1.5 3.2a2.5 2.5 0 1 1 3.4 2.3c-.7.3-.9.7-.9 1.5M4 10v.1" />
                )}
              </g>
            );
          })}
        </svg>
        {lines.map((value) => (
          <span key={value} class="tick y" aria-hidden="true" style={{ top: `${y(value)}px` }}>
            {format(value)}
          </span>
        ))}
        {days.map((day, index) =>
          // Below its bar, and never cut off at the left.
          (last - index) % every === 0 ? (
            <span key={day} class="tick x" aria-hidden="true" style={{ left: `${Math.max(20, (index + 0.5) * slot)}px` }}>
              {dayLabel(day)}
            </span>
          ) : null,
        )}
      </div>
      <figcaption class="legend">
        <span class="of-day">{cursor === null ? "Days are UTC" : `${dayLabel(days[at]!)}${days[at] === unfinished ? ", not over" : ""}`}</span>
        {series.map((of, index) => (
          <span key={of.id}>
            <svg class="swatch" width="12" height="12" aria-hidden="true">
              <rect class={`bar s${index + 1}`} width="12" height="12" rx="3" fill={`url(#${id}-${index})`} />
            </svg>
            {of.label}
            {cursor !== null && <b>{format(of.values[at] ?? null)}</b>}
          </span>
        ))}
        {days[last] === unfinished && cursor === null && (
          <span class="unfinished">
            <svg class="swatch" width="12" height="12" aria-hidden="true">
              <rect class="bar" width="12" height="12" rx="3" fill={`url(#${id}-0)`} />
            </svg>
            today, so far
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** What tells series apart without colour: plain, hatched, dotted, crossed, hatched the other way. */
function Pattern({ id, index }: { id: string; index: number }) {
  const marks = ["", "M-1 7L7 -1M5 9L9 5", "M2 2h2v2h-2zM6 6h2v2h-2z", "M0 4h8M4 0v8", "M-1 1L7 9M5 -1L9 3"];
  return (
    <pattern id={id} width="8" height="8" patternUnits="userSpaceOnUse">
      <rect class={`ground s${index + 1}`} width="8" height="8" />
      {marks[index] && <path class={`weave${index === 2 ? " dot" : ""}`} d={marks[index]!} />}
    </pattern>
  );
}
