import process from "node:process";

import type Koa from "koa";
import type { Middleware } from "koa";
import { pino, type Logger } from "pino";

import type { ObjectStore } from "../storage/object-store.js";
import { openStore, type StoreSettings } from "../storage/open-store.js";
import { assertGuarded, openAccessControl } from "./access-control.js";
import { CollectorSchedule } from "./collector/collector-schedule.js";
import type { AuthSettings } from "./config/auth-section.js";
import type { CollectorSettings } from "./config/collector-section.js";
import { parseListenAddress } from "./config/listen-address.js";
import type { MirrorSettings } from "./config/mirrors-section.js";
import type { TlsSettings } from "./config/tls-section.js";
import { registryApplication } from "./http/application.js";
import { Listener } from "./http/listener.js";
import { Locations } from "./http/locations.js";
import { openMirrors } from "./mirror/open-mirrors.js";
import { Operation, type OperationSettings, type PolicySettings } from "./operation.js";
import { OpenedParts } from "./opened-parts.js";
import { registryOn } from "./registry.js";
import { sweepUploads } from "./uploads/upload-sweep.js";

export interface RegistryOptions extends OperationSettings {
  /** Directory of the filesystem driver; or `storage`, or `store`. */
  readonly root?: string;
  readonly storage?: StoreSettings;
  /** Closed by whoever opened it. */
  readonly store?: ObjectStore;
  /** `host:port`; port 0 takes any that is free. Default 127.0.0.1:0. */
  readonly listen?: string;
  /** Must be set to listen beyond loopback without `auth`, because whoever can connect may read and write everything. */
  readonly insecureNoAuth?: boolean;
  /** Everybody may do everything when absent. */
  readonly auth?: AuthSettings | undefined;
  /** Plain HTTP when absent. */
  readonly tls?: TlsSettings | undefined;
  /** Copies of other registries' repositories; none when absent. */
  readonly mirrors?: MirrorSettings | undefined;
  readonly trustForwarded?: boolean;
  readonly idleTimeoutMs?: number;
  readonly drainTimeoutMs?: number;
  readonly manifestBytes?: number;
  /** See RegistryLimits; refused when absent. */
  readonly sparseManifests?: boolean;
  /** False: blobs come from the registry also where the store has URLs for them. */
  readonly redirect?: boolean;
  readonly uploadExpiryMs?: number;
  /** Garbage is not collected by schedule when absent. */
  readonly collector?: CollectorSettings | undefined;
  /** How long a claim on an upload that is not renewed keeps other replicas from it. */
  readonly uploadLeaseMs?: number;
  /** False where another process of this host does what is done by schedule. */
  readonly schedules?: boolean;
  readonly log?: Logger;
  /** Log GET and HEAD too. */
  readonly logPulls?: boolean;
  /** Sees every answer; for tests. */
  readonly observe?: Middleware;
}

/** What may change while the registry runs. */
export interface ReloadableSettings extends PolicySettings {
  readonly auth?: AuthSettings | undefined;
}

export interface RunningRegistry {
  /** `http://host:port`, or https */
  readonly url: string;
  /** `http://host:port/metrics`; absent when no metrics are served. */
  readonly metricsUrl?: string;
  /**
   * Takes changed settings into use for the requests to come, and reads certificates again.
   * @throws BerthError CONFIG_INVALID, and then everything stays as it was
   */
  reload(settings: ReloadableSettings): Promise<void>;
  /** /readyz says no from now on; everything else is served as before. */
  drain(): void;
  /** Lets requests end, then frees everything. Idempotent. */
  close(): Promise<void>;
}

const DEFAULTS = {
  listen: "127.0.0.1:0",
  idleTimeoutMs: 120_000,
  drainTimeoutMs: 30_000,
  manifestBytes: 4 * 1024 * 1024,
  uploadExpiryMs: 24 * 3600_000,
};
const WITHOUT_CONDITIONS =
  "the store does not keep conditional creations: this must be the only process on it, and no garbage may be collected " +
  "while it runs";

/**
 * Starts a registry in this process. When the promise resolves it answers.
 * @throws BerthError ADDRESS_IN_USE, PRIVILEGE, USAGE, CONFIG_INVALID, STORAGE, NO_SPACE
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const parts = new OpenedParts();
  try {
    return await start(options, parts);
  } catch (error) {
    // What stays open would keep the process from ending.
    await parts.close().catch(() => undefined);
    throw error;
  }
}

async function start(options: RegistryOptions, parts: OpenedParts): Promise<RunningRegistry> {
  const address = parseListenAddress(options.listen ?? DEFAULTS.listen);
  assertGuarded(options, address);
  const log = options.log ?? pino({ level: "silent" });
  const store =
    options.store ??
    parts.add(await openStore(options.storage ?? asStoreSettings(options)), async (it) => {
      await it.close();
    });
  if (!store.traits.conditionalCreate) log.warn(WITHOUT_CONDITIONS);
  const operation = await Operation.open(options, { store, log, env: process.env });
  parts.add(operation, async (it) => {
    await it.close();
  });
  const { policies, events } = operation;
  const registry = registryOn(operation.store, {
    policies,
    events,
    redirect: options.redirect ?? true,
    ...(options.uploadLeaseMs !== undefined && { uploads: { leaseMs: options.uploadLeaseMs } }),
    limits: {
      manifestBytes: options.manifestBytes ?? DEFAULTS.manifestBytes,
      sparseManifests: options.sparseManifests ?? false,
    },
  });
  parts.add(registry.uploads, async (it) => {
    await it.close();
  });
  const locations = new Locations({
    trustForwarded: options.trustForwarded ?? false,
    ...(options.url !== undefined && { baseUrl: options.url }),
  });
  const mirrors = await openMirrors(options.mirrors, {
    registry,
    store: operation.store,
    log,
    storeDirectory: options.storage?.filesystem?.root ?? options.root,
    ownUrl: options.url,
    evicts: options.schedules ?? true,
  });
  parts.add(mirrors, async (it) => {
    await it.close();
  });
  const access = await openAccessControl(options, { address, store, locations, log });
  parts.add(access, (it) => {
    it.close();
  });
  const { guards, endpoints, tls } = access;
  const app = registryApplication({
    registry,
    locations,
    log,
    guards: [operation.firstGuard, ...mirrors.guards, ...guards, operation.lastGuard],
    endpoints: [...operation.endpoints, ...endpoints],
    detour: mirrors.detour,
    trustForwarded: options.trustForwarded ?? false,
    logPulls: options.logPulls ?? false,
    middleware: [...(options.observe === undefined ? [] : [options.observe]), ...operation.middleware],
  });
  const listener = await Listener.open(asListener(app.callback()), {
    address,
    ...(tls !== undefined && { tls }),
    idleTimeoutMs: options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs,
    drainTimeoutMs: options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs,
  });
  parts.add(listener, async (it) => {
    await it.close();
  });
  await operation.start(registry, new URL(listener.url).host);
  const { schedules = true, uploadExpiryMs = DEFAULTS.uploadExpiryMs } = options;
  const { collector } = options;
  const collecting = schedules && collector ? new CollectorSchedule(operation.store, collector, log) : undefined;
  const stopSweeping = schedules
    ? sweepUploads({ uploads: registry.uploads, store, expiryMs: uploadExpiryMs, log })
    : undefined;
  parts.add(stopSweeping, async (stop) => await stop?.());
  parts.add(collecting, async (it) => await it?.stop());
  return {
    url: listener.url,
    ...(operation.metricsUrl !== undefined && { metricsUrl: operation.metricsUrl }),
    reload: async ({ auth, ...settings }) => {
      await access.reload(auth);
      operation.reload(settings);
    },
    drain: () => {
      operation.drain();
    },
    close: async () => {
      operation.drain();
      await parts.close();
    },
  };
}

function asStoreSettings({ root }: RegistryOptions): StoreSettings {
  return root === undefined ? {} : { filesystem: { root } };
}

/** Koa's handler resolves when the answer has been handed over; failures are told to its error event. */
function asListener(handle: ReturnType<Koa["callback"]>): Parameters<typeof Listener.open>[0] {
  return (request, response) => {
    void handle(request, response);
  };
}
