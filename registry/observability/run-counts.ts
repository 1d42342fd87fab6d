import { labelledValues, type MetricFamily } from "./metric-family.js";

/** How often something that is done by schedule was done in this process, and when last. */
export class RunCounts {
  #completed = 0;
  #failed = 0;
  #last: { readonly endedAt: number; readonly ms: number } | undefined;

  completed(ms: number): void {
    this.#completed++;
    this.#last = { endedAt: Date.now(), ms };
  }

  failed(): void {
    this.#failed++;
  }

  /** @param name `berth_registry_<name>_...` @param what for the descriptions: "collections of garbage" */
  families(name: string, what: string): readonly MetricFamily[] {
    const last = (pick: (last: { endedAt: number; ms: number }) => number): MetricFamily["values"] => {
      return () => (this.#last === undefined ? [] : [{ labels: {}, value: pick(this.#last) / 1000 }]);
    };
    return [
      {
        type: "counter",
        name: `berth_registry_${name}_runs_total`,
        help: `Scheduled ${what}, by outcome.`,
        values: labelledValues("outcome", { completed: () => this.#completed, failed: () => this.#failed }),
      },
      {
        type: "gauge",
        name: `berth_registry_${name}_last_run_timestamp_seconds`,
        help: `When the last of the ${what} here was completed.`,
        ofWorkers: "max",
        values: last(({ endedAt }) => endedAt),
      },
      {
        type: "gauge",
        name: `berth_registry_${name}_last_run_duration_seconds`,
        help: `How long the last of the ${what} here took.`,
        ofWorkers: "max",
        values: last(({ ms }) => ms),
      },
    ];
  }
}
