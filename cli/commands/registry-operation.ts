import process from "node:process";

import type { Logger } from "pino";

import { ConfigReload } from "../../registry/config/config-reload.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import type { ReloadableSettings, RunningRegistry } from "../../registry/index.js";
import type { OperationSettings } from "../../registry/operation.js";

/** The sections of a configuration that concern operation. */
export function operationOf(config: RegistryConfig): OperationSettings {
  const { policies, limits, retention, webhooks, metrics, tracing, health } = config;
  return { policies, rate: limits.rate, retention, webhooks: webhooks.endpoints, metrics, tracing, health };
}

export interface FollowOptions {
  readonly registry: RunningRegistry;
  readonly config: RegistryConfig;
  readonly file?: string | undefined;
  /** As at the start. @throws BerthError CONFIG_INVALID */
  load(): RegistryConfig;
  /** As at the start. */
  authOf(config: RegistryConfig): ReloadableSettings["auth"];
  readonly log: Logger;
}

/** Takes a changed configuration into use: on SIGHUP, and when the file changes. Returns what ends that. */
export function followConfig({ registry, config, file, load, authOf, log }: FollowOptions): () => Promise<void> {
  const reload = new ConfigReload({
    config,
    load,
    apply: async (changed) => {
      await registry.reload({ auth: authOf(changed), policies: changed.policies, rate: changed.limits.rate });
      log.level = changed.log.level;
    },
    ...(file !== undefined && { file }),
    log,
  });
  const onHangUp = (): void => {
    void reload.reload();
  };
  process.on("SIGHUP", onHangUp);
  return async () => {
    process.off("SIGHUP", onHangUp);
    await reload.close();
  };
}
