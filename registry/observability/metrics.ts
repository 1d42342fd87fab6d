import type { Middleware } from "koa";
import type { Counter, Histogram, Registry as Collection } from "prom-client";

import { isBerthError, type ErrorCode } from "../../oci/errors.js";
import type { StoreObserver } from "./instrumented-store.js";

/** A number that is read when somebody asks for the metrics. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** Values by labels. */
  readonly read: () => Iterable<readonly [labels: Readonly<Record<string, string>>, value: number]>;
}

const REQUEST_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300];
const STORE_SECONDS = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5, 30];
/** Answers of a store that are no faults of it. */
const EXPECTED: readonly ErrorCode[] = ["OBJECT_UNKNOWN", "ALREADY_EXISTS"];

interface Operation {
  readonly seconds: Histogram.Internal<"operation">;
  /** By status. */
  readonly answers: Map<number, Counter.Internal>;
}

/** Prometheus metrics of one process. Made only where they are asked for: the library takes its time to load. */
export class Metrics {
  readonly #operations = new Map<string, Operation>();
  #underWay = 0;
  #given: Collection | undefined;

  private constructor(
    private readonly collection: Collection,
    private readonly requests: Counter<"operation" | "status">,
    private readonly requestSeconds: Histogram<"operation">,
    private readonly received: Counter,
    private readonly sent: Counter,
    private readonly storeSeconds: Histogram<"operation">,
    private readonly storeFaults: Counter<"operation">,
    private readonly gaugeOf: (reading: Reading) => void,
  ) {}

  static async create(): Promise<Metrics> {
    const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = await import("prom-client");
    const collection = new Registry();
    const registers = [collection];
    collectDefaultMetrics({ register: collection });
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
      new Counter({ name, help, labelNames: [...labelNames], registers });
    const metrics = new Metrics(
      collection,
      counter("berth_registry_requests_total", "Requests answered, by operation and status.", ["operation", "status"]),
      new Histogram({
        name: "berth_registry_request_duration_seconds",
        help: "Time from a request's headers to the end of its answer.",
        labelNames: ["operation"],
        buckets: REQUEST_SECONDS,
        registers,
      }),
      counter("berth_registry_received_bytes_total", "Bytes of request bodies."),
      counter("berth_registry_sent_bytes_total", "Bytes of answers' bodies."),
      new Histogram({
        name: "berth_registry_store_operation_duration_seconds",
        help: "Time that the object store takes, by operation.",
        labelNames: ["operation"],
        buckets: STORE_SECONDS,
        registers,
      }),
      counter("berth_registry_store_faults_total", "Operations of the object store that failed.", ["operation"]),
      ({ name, help, type, read }) => {
        const options = { name, help, labelNames: ["name"], registers: [] };
        const metric =
          type === "counter"
            ? new Counter({
                ...options,
                collect() {
                  this.reset();
                  for (const [labels, value] of read()) this.inc(labels, value);
                },
              })
            : new Gauge({
                ...options,
                collect() {
                  this.reset();
                  for (const [labels, value] of read()) this.set(labels, value);
                },
              });
        collection.registerMetric(metric);
      },
    );
    metrics.add({
      name: "berth_registry_requests_under_way",
      help: "Requests that have not been answered yet.",
      type: "gauge",
      read: () => [[{}, metrics.#underWay]],
    });
    return metrics;
  }

  /** The one label that a reading may have is `name`. */
  add(reading: Reading): void {
    this.gaugeOf(reading);
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

  /** Counts requests: a few additions each. */
  get middleware(): Middleware {
    return async (ctx, next) => {
      const started = performance.now();
      this.#underWay++;
      try {
        await next();
      } finally {
        this.#underWay--;
        const name: unknown = ctx.state["operation"];
        const operation = this.#operation(typeof name === "string" ? name : "none");
        operation.seconds.observe((performance.now() - started) / 1000);
        this.#answers(typeof name === "string" ? name : "none", operation, ctx.res.statusCode).inc();
        const length = Number(ctx.req.headers["content-length"] ?? 0);
        if (length > 0) this.received.inc(length);
        const sent = ctx.method === "HEAD" ? 0 : Number(ctx.res.getHeader("content-length") ?? 0);
        if (sent > 0) this.sent.inc(sent);
      }
    };
  }

  get storeObserver(): StoreObserver {
    return (operation) => {
      const started = performance.now();
      return (failure) => {
        this.storeSeconds.labels(operation).observe((performance.now() - started) / 1000);
        if (failure !== undefined && !isBerthError(failure, ...EXPECTED)) this.storeFaults.labels(operation).inc();
      };
    };
  }

  #operation(name: string): Operation {
    const known = this.#operations.get(name);
    if (known !== undefined) return known;
    const operation: Operation = { seconds: this.requestSeconds.labels(name), answers: new Map() };
    this.#operations.set(name, operation);
    return operation;
  }

  #answers(name: string, { answers }: Operation, status: number): Counter.Internal {
    const known = answers.get(status);
    if (known !== undefined) return known;
    const counter = this.requests.labels(name, String(status));
    answers.set(status, counter);
    return counter;
  }
}
