import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";

import type { AuthSettings } from "../../registry/config/auth-section.js";
import { loadServableConfig } from "../../registry/config/load-config.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import { workerCount } from "../../registry/config/workers-setting.js";
import { storeSettingsOf } from "../../registry/config/storage-section.js";
import { startRegistry, type RunningRegistry } from "../../registry/index.js";
import { registryLogger } from "../../registry/observability/logger.js";
import { ownWorker } from "../../registry/workers/worker.js";
import { placeOfStore } from "../../storage/open-store.js";
import type { CliContext } from "../context.js";
import { letHeapGrow } from "./heap-growth.js";
import { followConfig, operationOf, serveWorkersMetrics } from "./registry-operation.js";
import { stopSignal } from "./stop-signal.js";
import { enlargeThreadPool } from "./thread-pool.js";

export interface ServeFlags {
  readonly listen?: string;
  readonly root?: string;
  readonly config?: string;
  readonly logLevel?: string;
  readonly workers?: RegistryConfig["workers"];
  readonly insecureNoAuth?: boolean;
}

/** Serves until SIGINT or SIGTERM. The address goes to standard output, the log to standard error. */
export async function serve({ config: file, ...flags }: ServeFlags, context: CliContext): Promise<void> {
  enlargeThreadPool();
  letHeapGrow();
  // One that comes before anybody follows it, or while requests are let end, would else end the process.
  process.on("SIGHUP", () => undefined);
  const load = async (): Promise<RegistryConfig> =>
    await loadServableConfig({ ...(file !== undefined && { file }), env: process.env, flags });
  const authOf = (config: RegistryConfig): AuthSettings | undefined => withKeyDirectory(config, context);
  const config = await load();
  const storage = storeSettingsOf(config.storage, config.root ?? join(context.root, "registry"));
  const log = registryLogger(config.log.level);
  const place = placeOfStore(storage);
  const worker = ownWorker();
  const count = workerCount(config.workers);
  if (worker === undefined && count > 1) {
    await serveWithWorkers(count, config, place, log);
    return;
  }
  const starting = startRegistry({
    storage,
    redirect: config.storage.redirect,
    mirrors: config.mirrors,
    listen: config.listen,
    schedules: worker === undefined || worker.role.slot === 0,
    sharesStore: worker !== undefined,
    insecureNoAuth: config.insecureNoAuth,
    ...(config.http.url !== undefined && { url: config.http.url }),
    trustForwarded: config.http.trustForwarded,
    idleTimeoutMs: config.http.idleTimeoutSeconds * 1000,
    drainTimeoutMs: config.http.drainTimeoutSeconds * 1000,
    manifestBytes: config.limits.manifestBytes,
    sparseManifests: config.limits.sparseManifests,
    auth: authOf(config),
    tls: config.tls,
    collector: config.collector,
    uploadExpiryMs: config.uploads.expireAfterHours * 3600_000,
    uncommittedUploads: config.uploads,
    ...operationOf(config, worker !== undefined),
    log,
    logPulls: config.log.pulls,
  });
  let registry: RunningRegistry;
  try {
    registry = await starting;
  } catch (error) {
    if (worker === undefined) throw error;
    worker.failed(error);
    await worker.leave();
    return;
  }
  if (worker === undefined) announce(registry.url, place);
  else worker.serving(registry.url);
  const unfollow = followConfig({ registry, config, file, load, authOf, log });
  await stopSignal(...(worker === undefined ? [] : [worker.stopped]));
  log.info("stopping: requests under way are let end");
  await unfollow();
  registry.drain();
  await sleep(config.health.drainDelaySeconds * 1000);
  await registry.close();
  await worker?.leave();
}

/** This process then serves nothing itself: its workers run this command again, and find that they are workers. */
async function serveWithWorkers(count: number, config: RegistryConfig, place: string, log: Logger): Promise<void> {
  const { WorkerPool } = await import("../../registry/workers/worker-pool.js");
  const { http, health } = config;
  const drainTimeoutMs = (http.drainTimeoutSeconds + health.drainDelaySeconds) * 1000;
  const metrics = await serveWorkersMetrics(config, log);
  try {
    const pool = await WorkerPool.start({ count, drainTimeoutMs, log });
    const reload = (): void => {
      pool.signal("SIGHUP");
    };
    process.on("SIGHUP", reload);
    announce(pool.url, place);
    await stopSignal();
    process.off("SIGHUP", reload);
    await pool.stop();
  } finally {
    await metrics?.close();
  }
}

function announce(url: string, place: string): void {
  process.stdout.write(`berth registry serves ${url} from ${place}\n`);
}

/** The keys that sign tokens are kept beside the store, not in it: whoever may read the store could else make tokens. */
function withKeyDirectory({ auth }: RegistryConfig, { root }: CliContext): AuthSettings | undefined {
  if (auth === undefined || auth.keys.directory !== undefined || auth.keys.secret !== undefined) return auth;
  return { ...auth, keys: { ...auth.keys, directory: join(root, "registry-keys") } };
}
