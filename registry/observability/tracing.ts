import { AsyncLocalStorage } from "node:async_hooks";

import type { Context as TraceContext, Span } from "@opentelemetry/api";
import type { NodeTracerConfig } from "@opentelemetry/sdk-trace-node";
import type { Middleware } from "koa";

import type { TracingSettings } from "../config/observability-section.js";
import { requestIdOf } from "../http/request-id.js";
import { isStoreFault, type StoreObserver } from "./instrumented-store.js";
import { TraceSampling, type CallersWish } from "./trace-sampling.js";

export interface Tracing {
  /** A span for each request, a child of the one that `traceparent` names. */
  readonly middleware: Middleware;
  /** A span for each operation of the store that a request brings about. */
  readonly storeObserver: StoreObserver;
  /** Sends what has been gathered. */
  close(): Promise<void>;
}

const ENDPOINT_VARIABLES = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
/** W3C Trace Context, 3.2. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

export function isTracingAsked(settings: TracingSettings, env: Readonly<Record<string, string | undefined>>): boolean {
  return settings.endpoint !== undefined || ENDPOINT_VARIABLES.some((name) => (env[name] ?? "") !== "");
}

/** Loads OpenTelemetry, which takes its time. Nothing global is set, so that registries in one process do not mix. */
export async function startTracing(
  settings: TracingSettings,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Tracing> {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } = await import("@opentelemetry/api");
  const { BatchSpanProcessor, NodeTracerProvider, SamplingDecision } = await import("@opentelemetry/sdk-trace-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  // Without a URL of its own the exporter reads its usual variables.
  const url = settings.endpoint === undefined ? {} : { url: `${settings.endpoint.replace(/\/$/, "")}/v1/traces` };
  const sampling = new TraceSampling(settings);
  const provider = new NodeTracerProvider({
    sampler: {
      shouldSample: (context) => {
        const parent = trace.getSpanContext(context);
        let wish: CallersWish;
        if (parent !== undefined) wish = (parent.traceFlags & TraceFlags.SAMPLED) === 0 ? "not sampled" : "sampled";
        // What is below a request's own span goes with it.
        const isOwn = parent !== undefined && parent.isRemote !== true;
        const isSampled = isOwn ? wish === "sampled" : sampling.isSampled(wish);
        return { decision: isSampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
      },
      toString: () => "berth",
    },
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(url))],
    resource: resourceOf({ "service.name": settings.serviceName ?? env["OTEL_SERVICE_NAME"] ?? "berth-registry" }),
  });
  const tracer = provider.getTracer("berth");
  const current = new AsyncLocalStorage<TraceContext>();

  const parentFrom = (header: string): TraceContext => {
    const [, traceId, spanId, flags] = TRACEPARENT.exec(header) ?? [];
    if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
    return trace.setSpanContext(ROOT_CONTEXT, {
      traceId,
      spanId,
      traceFlags: parseInt(flags ?? "0", 16),
      isRemote: true,
    });
  };
  const end = (span: Span, failed: boolean): void => {
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  };

  return {
    middleware: async (ctx, next) => {
      const parent = parentFrom(ctx.get("traceparent"));
      const span = tracer.startSpan(`${ctx.method} request`, { kind: SpanKind.SERVER }, parent);
      try {
        await current.run(trace.setSpan(parent, span), next);
      } finally {
        const name: unknown = ctx.state["operation"];
        if (typeof name === "string") span.updateName(name);
        const { statusCode } = ctx.res;
        if (span.isRecording()) {
          span.setAttributes({
            "http.request.method": ctx.method,
            "http.response.status_code": statusCode,
            "url.path": ctx.path.slice(0, 1024),
            "berth.request_id": requestIdOf(ctx),
          });
        }
        end(span, statusCode >= 500);
      }
    },
    storeObserver: (operation) => {
      const parent = current.getStore();
      // Upkeep that nobody asked for would make traces of its own.
      if (parent === undefined) return () => undefined;
      const span = tracer.startSpan(`store ${operation}`, { kind: SpanKind.CLIENT }, parent);
      return (failure) => {
        end(span, isStoreFault(failure));
      };
    },
    close: async () => {
      await provider.shutdown();
    },
  };
}

function resourceOf(attributes: Readonly<Record<string, string>>): NonNullable<NodeTracerConfig["resource"]> {
  return {
    attributes,
    asyncAttributesPending: false,
    merge(other) {
      return other === null ? this : resourceOf({ ...attributes, ...(other.attributes as Record<string, string>) });
    },
    getRawAttributes: () => Object.entries(attributes),
  };
}
