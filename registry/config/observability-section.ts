import * as v from "valibot";

import { count, httpUrl, listenAddress, text } from "./values.js";

/** `metrics`: Prometheus' text format at GET /metrics, on an address of its own because it tells names and numbers. */
export const metricsSection = v.optional(v.strictObject({ listen: v.optional(listenAddress) }), {});

/** `tracing`: OpenTelemetry over OTLP/HTTP; also by OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and the like. */
export const tracingSection = v.optional(
  v.strictObject({
    /** Base URL of the collector, such as http://127.0.0.1:4318 */
    endpoint: v.optional(httpUrl),
    serviceName: v.optional(text),
    /** Of requests that come without a decision of their own, or with one too many. */
    samplePercent: v.optional(v.pipe(count(0), v.maxValue(100, "is above 100")), 100),
    /**
     * So many requests a second, in each process, are traced because their `traceparent` says so: anybody can send one. 0: callers
     * decide nothing.
     */
    callersPerSecond: v.optional(count(0), 10),
  }),
  {},
);

/** `health`: what /readyz looks at. */
export const healthSection = v.optional(
  v.strictObject({
    /** How long an answer of the store is good for. */
    cacheSeconds: v.optional(count(1), 5),
    timeoutSeconds: v.optional(count(1), 3),
    /** After SIGTERM: how long /readyz says no before connections are refused, so that a balancer can look elsewhere. */
    drainDelaySeconds: v.optional(count(0), 0),
  }),
  {},
);

export type TracingSettings = v.InferOutput<typeof tracingSection>;
export type HealthSettings = v.InferOutput<typeof healthSection>;
