/** One line of the report: what was measured, and each contender's value (undefined: not installed or it failed). */
export interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** In the order of the columns; "berth" is berth's. */
  readonly values: Readonly<Record<string, number | undefined>>;
  /** How many times better than the best of `against` (default: every other contender) berth is to be. */
  readonly mark?: { readonly times: number; readonly against?: readonly string[] };
  /** Contenders shown for reference that take no part in the ratio, such as a lower bound. */
  readonly reference?: readonly string[];
}

export const BERTH = "berth";

/** How many times better than its best peer berth is: 2 is twice the rate, or half of the time. */
export function timesBetter(figure: Figure): number | undefined {
  const own = figure.values[BERTH];
  const peers = Object.entries(figure.values)
    .filter(([name]) => figure.mark?.against?.includes(name) ?? (name !== BERTH && !figure.reference?.includes(name)))
    .map(([, value]) => value)
    .filter((value) => value !== undefined);
  if (own === undefined || peers.length === 0) return undefined;
  return figure.better === "higher" ? own / Math.max(...peers) : Math.min(...peers) / own;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest value that at least `fraction` of `values` do not exceed. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).sort();
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * fraction) - 1))];
  if (value === undefined) throw new Error("no values were measured");
  return value;
}
