import type Koa from "koa";
import type { Middleware } from "koa";
import { pino, type Logger } from "pino";

import { BerthError } from "../oci/errors.js";
import { FilesystemObjectStore } from "../storage/filesystem/filesystem-object-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { isLoopback, parseListenAddress } from "./config/listen-address.js";
import { registryApplication } from "./http/application.js";
import { Listener } from "./http/listener.js";
import { Locations } from "./http/locations.js";
import { registryOn } from "./registry.js";

export interface RegistryOptions {
  /** Directory of the filesystem driver; or `store`. */
  readonly root?: string;
  /** Closed by whoever opened it. */
  readonly store?: ObjectStore;
  /** `host:port`; port 0 takes any that is free. Default 127.0.0.1:0. */
  readonly listen?: string;
  /** Must be set to listen beyond loopback, because whoever can connect may read and write everything. */
  readonly insecureNoAuth?: boolean;
  /** Where clients see the registry, for absolute Location headers. */
  readonly url?: string;
  readonly trustForwarded?: boolean;
  readonly idleTimeoutMs?: number;
  readonly drainTimeoutMs?: number;
  readonly manifestBytes?: number;
  /** See RegistryLimits; refused when absent. */
  readonly sparseManifests?: boolean;
  readonly uploadExpiryMs?: number;
  readonly log?: Logger;
  /** Sees every answer; for tests. */
  readonly observe?: Middleware;
}

export interface RunningRegistry {
  /** `http://host:port` */
  readonly url: string;
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
const MAX_SWEEP_INTERVAL_MS = 3600_000;

/**
 * Starts a registry in this process. When the promise resolves it answers.
 * @throws BerthError ADDRESS_IN_USE, PRIVILEGE, USAGE, STORAGE, NO_SPACE
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const address = parseListenAddress(options.listen ?? DEFAULTS.listen);
  if (!isLoopback(address) && options.insecureNoAuth !== true) {
    throw new BerthError(
      "USAGE",
      `${options.listen ?? ""} can be reached from other hosts, and there is no authentication: ` +
        "listen on 127.0.0.1, or say --insecure-no-auth if everyone may read and write",
    );
  }
  const log = options.log ?? pino({ level: "silent" });
  const store = options.store ?? (await openStore(options.root));
  const registry = registryOn(store, {
    limits: {
      manifestBytes: options.manifestBytes ?? DEFAULTS.manifestBytes,
      sparseManifests: options.sparseManifests ?? false,
    },
  });
  const locations = new Locations({
    trustForwarded: options.trustForwarded ?? false,
    ...(options.url !== undefined && { baseUrl: options.url }),
  });
  const { observe } = options;
  const app = registryApplication({ registry, locations, log, guards: [], ...(observe !== undefined && { observe }) });
  const listener = await Listener.open(asListener(app.callback()), {
    address,
    idleTimeoutMs: options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs,
    drainTimeoutMs: options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs,
  });
  const stopSweeping = sweepUploads(registry.uploads, options.uploadExpiryMs ?? DEFAULTS.uploadExpiryMs, log);
  return {
    url: listener.url,
    close: async () => {
      await listener.close();
      await stopSweeping();
      await registry.uploads.close();
      if (options.store === undefined) await store.close();
    },
  };
}

async function openStore(root: string | undefined): Promise<ObjectStore> {
  if (root === undefined) throw new BerthError("USAGE", "a registry needs a root or a store");
  return await FilesystemObjectStore.open(root);
}

/** Koa's handler resolves when the answer has been handed over; failures are told to its error event. */
function asListener(handle: ReturnType<Koa["callback"]>): Parameters<typeof Listener.open>[0] {
  return (request, response) => {
    void handle(request, response);
  };
}

function sweepUploads(
  uploads: { expire(ageMs: number): Promise<number> },
  expiryMs: number,
  log: Logger,
): () => Promise<void> {
  let running = Promise.resolve();
  const sweep = (): void => {
    running = uploads.expire(expiryMs).then(
      (expired) => {
        if (expired > 0) log.info({ expired }, "abandoned uploads ended");
      },
      (error: unknown) => {
        log.error({ err: error }, "the sweep of abandoned uploads failed");
      },
    );
  };
  sweep();
  const timer = setInterval(sweep, Math.min(expiryMs, MAX_SWEEP_INTERVAL_MS));
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
