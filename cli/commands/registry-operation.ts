import process from "node:process";

import type { Logger } from "pino";

import { ConfigReload } from "../../registry/config/config-reload.js";
import { parseListenAddress } from "../../registry/config/listen-address.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import type { ReloadableSettings, RunningRegistry } from "../../registry/index.js";
import { serveMetrics, type MetricsServer } from "../../registry/observability/metrics-server.js";
import { workersMetrics } from "../../registry/observability/workers-metrics.js";
import type { OperationSettings } from "../../registry/operation.js";

/** The sections of a configuration that concern operation. @param isWorker whose metrics its primary gathers and serves */
export function operationOf(config: RegistryConfig, isWorker: boolean): OperationSettings {
  const { policies, limits, retention, webhooks, tracing, health } = config;
  const { listen } = config.metrics;
  const metrics = listen === undefined ? undefined : isWorker ? ("for the primary" as const) : { listen };
  return { policies, rate: limits.rate, retention, webhooks: webhooks.endpoints, metrics, tracing, health };
}

/** In the primary: the metrics of all workers together, where metrics are wanted. @throws BerthError ADDRESS_IN_USE, USAGE */
export async function serveWorkersMetrics(
  { metrics }: RegistryConfig,
  log: Logger,
): Promise<MetricsServer | undefined> {
  if (metrics.listen === undefined) return undefined;
  return await serveMetrics(await workersMetrics(), parseListenAddress(metrics.listen), log);
}

export interface FollowOptions {
  readonly registry: RunningRegistry;
  readonly config: RegistryConfig;
  readonly file?: string | undefined;
  /** As at the start. @throws BerthError CONFIG_INVALID */
  readonly load: () => Promise<RegistryConfig>;
  /** As at the start. */
  readonly authOf: (config: RegistryConfig) => ReloadableSettings["auth"];
  readonly log: Logger;
}

/** Takes a changed configuration into use: on SIGHUP, and when the file changes. Returns what ends that. */
export function followConfig({ registry, config, file, load, authOf, log }: FollowOptions): () => Promise<void> {
  const reload = new ConfigReload({
    config,
    load,
    apply: async (changed) => {
      const { policies, limits, webhooks, mirrors } = changed;
      const settings = { policies, rate: limits.rate, webhooks: webhooks.endpoints, mirrors };
      await registry.reload({ auth: authOf(changed), ...settings });
      log.level = changed.log.level;
    },
    ...(file !== undefined && { file }),
    log,
  });
  const onHangUp = (): void => {
    void reload.reload();
  };
  process.on("SIGHUP", onHangUp);
  void reload.catchUp();
  return async () => {
    process.off("SIGHUP", onHangUp);
    await reload.close();
  };
}
