// The small figures of a card: a line of the last days, and how much of a limit is used.

/** A line without axes; its numbers are those of the chart below it, so it is decoration for a screen reader. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const [width, height] = [150, 34];
  const top = Math.max(...values, 1);
  const x = (index: number) => (values.length < 2 ? 0 : (index * width) / (values.length - 1));
  const points = values.map((value, index) => `${x(index).toFixed(1)},${(height - 3 - (value / top) * (height - 8)).toFixed(1)}`);
  return (
    <svg class={values.some((value) => value > 0) ? "spark" : "spark none"} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}

/** From four fifths on it changes colour; its text says the same. */
export function Meter({ name, value, of, text }: { name: string; value: number; of: number; text: string }) {
  const used = of > 0 ? Math.min(1, value / of) : 1;
  return (
    <svg class={`meter${used >= 0.8 ? " hot" : ""}`} role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={of} aria-valuenow={Math.min(value, of)} aria-valuetext={text}>
      <rect class="rail" width="100%" height="100%" rx="4" />
      <rect class="used" width={`${(used * 100).toFixed(1)}%`} height="100%" rx="4" />
    </svg>
  );
}
