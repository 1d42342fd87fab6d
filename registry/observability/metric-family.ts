/** A Prometheus metric whose values are counted by us and read when somebody asks: counting is then an addition. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** What several workers' values make together; their sum when absent. */
  readonly ofWorkers?: "sum" | "max";
  readonly values: () => MetricValue[];
}

export interface MetricValue {
  /** Of a histogram's series: the family's name with _bucket, _sum or _count. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export function singleValue(type: "counter" | "gauge", name: string, help: string, read: () => number): MetricFamily {
  return { type, name, help, values: () => [{ labels: {}, value: read() }] };
}

/** A series for each of a fixed set of a label's values. */
export function labelledValues(label: string, read: Readonly<Record<string, () => number>>): MetricFamily["values"] {
  return () => Object.entries(read).map(([value, count]) => ({ labels: { [label]: value }, value: count() }));
}

interface Distribution {
  /** Not cumulative; the last one is for what takes longer than all bounds. */
  readonly buckets: number[];
  seconds: number;
}

/** A histogram of times by operation. */
export class DurationFamily implements MetricFamily {
  readonly type = "histogram";
  readonly #operations = new Map<string, Distribution>();

  /** @param bounds upper bounds of the buckets in seconds, ascending */
  constructor(
    readonly name: string,
    readonly help: string,
    private readonly bounds: readonly number[],
  ) {}

  add(operation: string, seconds: number): void {
    let distribution = this.#operations.get(operation);
    if (distribution === undefined) {
      distribution = { buckets: Array.from({ length: this.bounds.length + 1 }, () => 0), seconds: 0 };
      this.#operations.set(operation, distribution);
    }
    distribution.seconds += seconds;
    let bucket = 0;
    while (seconds > (this.bounds[bucket] ?? Infinity)) bucket++;
    distribution.buckets[bucket] = (distribution.buckets[bucket] ?? 0) + 1;
  }

  readonly values = (): MetricValue[] =>
    [...this.#operations].flatMap(([operation, { buckets, seconds }]) => {
      let count = 0;
      const cumulative = buckets.map((inBucket, i) => {
        count += inBucket;
        const labels = { operation, le: String(this.bounds[i] ?? "+Inf") };
        return { metricName: `${this.name}_bucket`, labels, value: count };
      });
      return [
        ...cumulative,
        { metricName: `${this.name}_sum`, labels: { operation }, value: seconds },
        { metricName: `${this.name}_count`, labels: { operation }, value: count },
      ];
    });
}
