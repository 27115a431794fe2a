// Numbers for people. What is not known is said in words, never shown as nought.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

export const NO_DATA = "–";

export const count = (value: number) => whole.format(value);

/** `410 k`, `1.2 M`; small numbers in full. */
export function compact(value: number): string {
  if (value < 10_000) return count(value);
  if (value < 999_500) return `${count(value / 1000)} k`;
  return value < 999_500_000 ? `${one.format(value / 1e6)} M` : `${one.format(value / 1e9)} G`;
}

/** US dollars; `null` is a cost of which a part has no known price. A cost under a cent keeps two digits that say something. */
export function cost(value: number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  if (value === 0) return "$0.00";
  if (value >= 0.0995) return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (value < 0.000001) return "under $0.000001";
  return `$${value.toLocaleString("en-US", { maximumSignificantDigits: 2 })}`;
}

export const duration = (ms: number) => (ms < 1 ? "<1\u00a0ms" : ms < 10_000 ? `${count(ms)}\u00a0ms` : `${one.format(ms / 1000)}\u00a0s`);

/** `12% more than before`; nothing to compare with is no 0 %. */
export function change(now: number, before: number): string {
  if (before === 0) return now === 0 ? "none before either" : "none before";
  const percent = Math.round(((now - before) / before) * 100);
  if (percent === 0) return "as many as before";
  return percent > 0 ? `${count(percent)}% more than before` : `${count(-percent)}% less than before`;
}

export const plural = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A value above `highest` at which an axis ends, and the step between its lines: 1, 2 or 5 times a power of ten. */
export function axis(highest: number, wholeSteps: boolean): { top: number; step: number } {
  if (!(highest > 0)) return { top: 1, step: 1 };
  const rough = highest / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough - 1e-12)!;
  if (wholeSteps) step = Math.max(1, Math.round(step));
  return { top: Math.ceil(highest / step - 1e-9) * step, step };
}
