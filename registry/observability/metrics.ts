import type { Middleware } from "koa";
import type { Metric, Registry as Collection } from "prom-client";

import { isStoreFault, type StoreObserver } from "./instrumented-store.js";
import { DurationFamily, type MetricFamily } from "./metric-family.js";
import { RequestCounts } from "./request-counts.js";

const STORE_BUCKETS = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5, 30];

/** Prometheus metrics of one process. Made only where they are asked for: the library takes its time to load. */
export class Metrics {
  readonly #requests = new RequestCounts();
  readonly #storeDurations = new DurationFamily(
    "berth_registry_store_operation_duration_seconds",
    "Time that the object store takes, by operation.",
    STORE_BUCKETS,
  );
  readonly #storeFaults = new Map<string, number>();
  #given: Collection | undefined;

  private constructor(private readonly collection: Collection) {
    for (const family of this.#requests.families) this.add(family);
    this.add(this.#storeDurations);
    this.add({
      type: "counter",
      name: "berth_registry_store_faults_total",
      help: "Operations of the object store that failed.",
      values: () => [...this.#storeFaults].map(([operation, value]) => ({ labels: { operation }, value })),
    });
  }

  static async create(): Promise<Metrics> {
    const { Registry, collectDefaultMetrics } = await import("prom-client");
    const collection = new Registry();
    collectDefaultMetrics({ register: collection });
    return new Metrics(collection);
  }

  add({ name, help, type, values, ofWorkers = "sum" }: MetricFamily): void {
    // What the library asks of a metric when it writes them down or adds up those of workers.
    const read = async (): Promise<object> => {
      await Promise.resolve();
      return { name, help, type, aggregator: ofWorkers, values: values() };
    };
    this.collection.registerMetric({ name, get: read } as unknown as Metric);
  }

  /** In Prometheus' text format. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.collection.contentType, body: await this.collection.metrics() };
  }

  /** Answers when the primary of a node:cluster asks its workers for their metrics. */
  async giveToPrimary(): Promise<void> {
    if (this.#given !== undefined) return;
    const { AggregatorRegistry } = await import("prom-client");
    AggregatorRegistry.setRegistries(this.collection);
    // Begins to listen when it is made.
    this.#given = new AggregatorRegistry();
  }

  get middleware(): Middleware {
    return this.#requests.middleware;
  }

  get storeObserver(): StoreObserver {
    return (operation) => {
      const started = performance.now();
      return (failure) => {
        this.#storeDurations.add(operation, (performance.now() - started) / 1000);
        if (isStoreFault(failure)) this.#storeFaults.set(operation, (this.#storeFaults.get(operation) ?? 0) + 1);
      };
    };
  }
}
