import type { Middleware } from "koa";

import { DurationFamily, singleValue, type MetricFamily } from "./metric-family.js";

const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300];

/** What is counted of each request: a few additions. */
export class RequestCounts {
  readonly #durations = new DurationFamily(
    "berth_registry_request_duration_seconds",
    "Time from a request's headers to the end of its answer.",
    BUCKETS,
  );
  /** By operation and status. */
  readonly #answers = new Map<string, Map<number, number>>();
  /** By reason, of which there are few. */
  readonly #refusals = new Map<string, number>();
  #underWay = 0;
  #received = 0;
  #sent = 0;

  readonly middleware: Middleware = async (ctx, next) => {
    const started = performance.now();
    this.#underWay++;
    try {
      await next();
    } finally {
      this.#underWay--;
      const { req, res } = ctx;
      const received = req.headers["content-length"];
      // What was only announced may be any number.
      if (received !== undefined && req.complete) this.#received += Number(received);
      if (req.method !== "HEAD") this.#sent += Number(res.getHeader("content-length") ?? 0);
      const name: unknown = ctx.state["operation"];
      // Only what has a route has a name: a client cannot make series up.
      const refusal: unknown = ctx.state["refusal"];
      if (typeof refusal === "string") this.#refusals.set(refusal, (this.#refusals.get(refusal) ?? 0) + 1);
      this.#count(typeof name === "string" ? name : "none", res.statusCode, performance.now() - started);
    }
  };

  get families(): readonly MetricFamily[] {
    return [
      {
        type: "counter",
        name: "berth_registry_requests_total",
        help: "Requests answered, by operation and status.",
        values: () =>
          [...this.#answers].flatMap(([operation, byStatus]) =>
            [...byStatus].map(([status, value]) => ({ labels: { operation, status }, value })),
          ),
      },
      this.#durations,
      {
        type: "counter",
        name: "berth_registry_refusals_total",
        help: "Requests that were refused, by reason.",
        values: () => [...this.#refusals].map(([reason, value]) => ({ labels: { reason }, value })),
      },
      singleValue(
        "counter",
        "berth_registry_received_bytes_total",
        "Bytes of request bodies whose length was announced.",
        () => this.#received,
      ),
      singleValue("counter", "berth_registry_sent_bytes_total", "Bytes of answers' bodies.", () => this.#sent),
      singleValue(
        "gauge",
        "berth_registry_requests_under_way",
        "Requests that have not been answered yet.",
        () => this.#underWay,
      ),
    ];
  }

  #count(operation: string, status: number, ms: number): void {
    let byStatus = this.#answers.get(operation);
    if (byStatus === undefined) this.#answers.set(operation, (byStatus = new Map()));
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    this.#durations.add(operation, ms / 1000);
  }
}
