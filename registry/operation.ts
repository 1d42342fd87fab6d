import type { Middleware } from "koa";
import type { Logger } from "pino";

import type { ObjectStore } from "../storage/object-store.js";
import { parseListenAddress } from "./config/listen-address.js";
import type { HealthSettings, TracingSettings } from "./config/observability-section.js";
import type { PolicyRule, RateLimits } from "./config/policy-section.js";
import type { WebhookEndpoint } from "./config/webhooks-section.js";
import { EventFeed } from "./events/event-feed.js";
import { readDestinations, Webhooks, type WebhooksOptions } from "./events/webhooks/webhooks.js";
import type { Endpoint, Guard } from "./http/routes.js";
import { Health } from "./observability/health.js";
import type { MetricFamily } from "./observability/metric-family.js";
import { instrumentedStore } from "./observability/instrumented-store.js";
import { serveMetrics, type MetricsServer } from "./observability/metrics-server.js";
import { Metrics } from "./observability/metrics.js";
import { isTracingAsked, startTracing, type Tracing } from "./observability/tracing.js";
import { webhookFamilies } from "./observability/webhook-families.js";
import { Policies } from "./policy/policies.js";
import { RateLimiter } from "./policy/rate-limiter.js";
import { RetentionSchedule } from "./policy/retention-schedule.js";
import { Retention } from "./policy/retention.js";
import type { Registry } from "./registry.js";

/** What may change while the registry runs. */
export interface ReloadableOperation {
  readonly policies?: readonly PolicyRule[] | undefined;
  readonly rate?: RateLimits | undefined;
  readonly webhooks?: readonly WebhookEndpoint[] | undefined;
}

export interface OperationSettings extends ReloadableOperation {
  readonly retention?: { readonly enabled: boolean; readonly everyHours: number } | undefined;
  /** A worker's are served by its primary (observability/workers-metrics.ts). */
  readonly metrics?: { readonly listen: string } | "for the primary" | undefined;
  readonly tracing?: TracingSettings | undefined;
  readonly health?: HealthSettings | undefined;
  /** False where another process of this host does what is done by schedule. */
  readonly schedules?: boolean;
  /** Where clients see the registry. */
  readonly url?: string;
}

interface Parts {
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const DEFAULT_TRACING: TracingSettings = { samplePercent: 100, callersPerSecond: 10 };
const DEFAULT_HEALTH: HealthSettings = { cacheSeconds: 5, timeoutSeconds: 3, drainDelaySeconds: 0 };

/** What an operator has of a registry: policies, events, metrics, traces, health. */
export class Operation {
  readonly policies: Policies;
  readonly events: EventFeed;
  /** The store, seen by metrics and traces where they are wanted. */
  readonly store: ObjectStore;
  /** Around everything else. */
  readonly middleware: readonly Middleware[];
  readonly #rate: RateLimiter;
  readonly #health: Health;
  #webhooks: Webhooks | undefined;
  /** Known once the registry listens. */
  #telling: WebhooksOptions | undefined;
  #schedule: RetentionSchedule | undefined;

  private constructor(
    private readonly settings: OperationSettings,
    private readonly parts: Parts,
    private readonly metrics: { readonly collected: Metrics; readonly server?: MetricsServer } | undefined,
    private readonly tracing: Tracing | undefined,
  ) {
    const watchers = [metrics?.collected, tracing].filter((watcher) => watcher !== undefined);
    this.policies = new Policies(settings.policies ?? []);
    this.events = new EventFeed((error) => {
      parts.log.error({ err: error }, "a listener to events failed");
    });
    this.store = instrumentedStore(
      parts.store,
      watchers.map(({ storeObserver }) => storeObserver),
    );
    this.middleware = watchers.map(({ middleware }) => middleware);
    this.#rate = new RateLimiter(settings.rate ?? {});
    this.#health = new Health(parts.store, settings.health ?? DEFAULT_HEALTH, parts.log);
  }

  /** @throws BerthError ADDRESS_IN_USE, USAGE */
  static async open(settings: OperationSettings, parts: Parts): Promise<Operation> {
    const { metrics, tracing: asked } = settings;
    const tracingSettings = asked ?? DEFAULT_TRACING;
    const tracing = isTracingAsked(tracingSettings, parts.env)
      ? await startTracing(tracingSettings, parts.env)
      : undefined;
    if (metrics === undefined) return new Operation(settings, parts, undefined, tracing);
    const collected = await Metrics.create();
    if (metrics === "for the primary") {
      await collected.giveToPrimary();
      return new Operation(settings, parts, { collected }, tracing);
    }
    const server = await serveMetrics(collected, parseListenAddress(metrics.listen), parts.log);
    return new Operation(settings, parts, { collected, server }, tracing);
  }

  /** Absent when no metrics are served. */
  get metricsUrl(): string | undefined {
    return this.metrics?.server?.url;
  }

  /** Before it is known who asks. */
  get firstGuard(): Guard {
    return (ctx, { name }) => {
      // Whoever probes must not be led to think that it is down.
      if (name !== "livez" && name !== "readyz") this.#rate.admitAddress(ctx);
      return undefined;
    };
  }

  get lastGuard(): Guard {
    return (ctx) => {
      this.#rate.admitUser(ctx);
      return undefined;
    };
  }

  get endpoints(): readonly Endpoint[] {
    return this.#health.endpoints;
  }

  /** Begins what goes on beside requests. @param address `host:port` that the registry listens on */
  async start(registry: Registry, address: string): Promise<void> {
    const { settings, parts, events } = this;
    const { webhooks = [], retention, url } = settings;
    const { store, log } = parts;
    this.#telling = { store, events, log, address, ...(url !== undefined && { baseUrl: url }) };
    this.show(webhookFamilies(() => this.#webhooks?.statistics ?? new Map()));
    this.prepare({ ...settings, webhooks })();
    await this.#webhooks?.ready();
    if (retention?.enabled === true && settings.schedules !== false) {
      const intervalMs = retention.everyHours * 3600_000;
      this.#schedule = new RetentionSchedule(new Retention(this.store, registry), intervalMs, parts.log);
      this.show(this.#schedule.families);
    }
  }

  /** Among the metrics, where there are any. */
  show(families: readonly MetricFamily[]): void {
    for (const family of families) this.metrics?.collected.add(family);
  }

  /**
   * @returns takes changed settings into use for the requests to come; until it is called nothing changes
   * @throws BerthError CONFIG_INVALID
   */
  prepare({ policies, rate, webhooks }: ReloadableOperation): () => void {
    const destinations = webhooks && readDestinations(webhooks);
    return () => {
      this.policies.replace(policies ?? []);
      this.#rate.replace(rate ?? {});
      if (destinations !== undefined) this.#tell(destinations);
    };
  }

  #tell(destinations: ReturnType<typeof readDestinations>): void {
    if (this.#webhooks !== undefined) this.#webhooks.replace(destinations);
    else if (destinations.length > 0 && this.#telling !== undefined) {
      this.#webhooks = new Webhooks(destinations, this.#telling);
    }
  }

  /** /readyz says no from now on. */
  drain(): void {
    this.#health.drain();
  }

  async close(): Promise<void> {
    await this.#schedule?.stop();
    await this.#webhooks?.stop();
    await this.metrics?.server?.close();
    await this.tracing?.close();
  }
}
