import process from "node:process";

import type Koa from "koa";
import { pino, type Logger } from "pino";

import { BerthError } from "../oci/errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { openStore } from "../storage/open-store.js";
import { assertGuarded, openAccessControl } from "./access-control.js";
import { parseListenAddress } from "./config/listen-address.js";
import { registryApplication } from "./http/application.js";
import { Listener } from "./http/listener.js";
import { Locations } from "./http/locations.js";
import { OpenMirrors } from "./mirror/open-mirrors.js";
import { uploadFamilies } from "./observability/upload-families.js";
import { OpenedParts } from "./opened-parts.js";
import { Operation } from "./operation.js";
import type { RegistryOptions, RunningRegistry } from "./registry-options.js";
import { registryOn, type Registry } from "./registry.js";
import { startSchedules } from "./schedules.js";

export type { RegistryOptions, ReloadableSettings, RunningRegistry } from "./registry-options.js";

const DEFAULTS = {
  listen: "127.0.0.1:0",
  idleTimeoutMs: 120_000,
  drainTimeoutMs: 30_000,
  manifestBytes: 4 * 1024 * 1024,
};
const ALONE = "this must be the only process on it, and no garbage may be collected while it runs";
const NOT_FOR_SEVERAL = "only one process may serve from it: set workers to 1";

/**
 * Starts a registry in this process. When the promise resolves it answers.
 * @throws BerthError ADDRESS_IN_USE, PRIVILEGE, USAGE, CONFIG_INVALID, UNSUPPORTED, STORAGE, NO_SPACE, UNAVAILABLE
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

/** @param parts gets everything that is to be closed, in the order in which it was opened */
async function start(options: RegistryOptions, parts: OpenedParts): Promise<RunningRegistry> {
  const { trustForwarded = false, url } = options;
  const address = parseListenAddress(options.listen ?? DEFAULTS.listen);
  assertGuarded(options, address);
  const log = options.log ?? pino({ level: "silent" });

  const store = await storeFor(options, parts, log);
  const operation = parts.add(await Operation.open(options, { store, log, env: process.env }));
  const registry = registryFor(options, operation);
  parts.add(registry.uploads);

  const locations = new Locations({ trustForwarded, ...(url !== undefined && { baseUrl: url }) });
  const mirrors = parts.add(
    await OpenMirrors.open(options.mirrors, {
      registry,
      store: operation.store,
      log,
      storeDirectory: options.storage?.filesystem?.root ?? options.root,
      ownUrl: url,
      evicts: options.schedules ?? true,
    }),
  );
  const access = parts.add(
    await openAccessControl(options, {
      address,
      store,
      locations,
      log,
      localNameOf: (asked) => mirrors.localNameOf(asked),
    }),
  );
  const app = registryApplication({
    registry,
    locations,
    log,
    guards: [operation.firstGuard, mirrors.guard, ...access.guards, operation.lastGuard],
    endpoints: [...operation.endpoints, ...access.endpoints],
    detour: mirrors.detour,
    trustForwarded,
    logPulls: options.logPulls ?? false,
    middleware: [...(options.observe === undefined ? [] : [options.observe]), ...operation.middleware],
  });
  const listener = parts.add(
    await Listener.open(asListener(app.callback()), {
      address,
      ...(access.tls !== undefined && { tls: access.tls }),
      idleTimeoutMs: options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs,
      drainTimeoutMs: options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs,
    }),
  );
  await operation.start(registry, new URL(listener.url).host);
  operation.show([...mirrors.families, ...uploadFamilies(registry.uncommitted)]);
  operation.show(parts.add(startSchedules(options, { registry, store, watchedStore: operation.store, log })).families);

  return {
    url: listener.url,
    ...(operation.metricsUrl !== undefined && { metricsUrl: operation.metricsUrl }),
    reload: async ({ auth, mirrors: mirrored, ...settings }) => {
      // All or nothing.
      const commits = [await access.prepare(auth), await mirrors.prepare(mirrored), operation.prepare(settings)];
      for (const commit of commits) commit();
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

async function storeFor(options: RegistryOptions, parts: OpenedParts, log: Logger): Promise<ObjectStore> {
  const { root, storage = root === undefined ? {} : { filesystem: { root } } } = options;
  const store = options.store ?? parts.add(await openStore(storage));
  const { conditionalCreate, weakness = "does not keep conditional creations" } = store.traits;
  if (conditionalCreate) return store;
  if (options.sharesStore === true) throw new BerthError("UNSUPPORTED", `the store ${weakness}, so ${NOT_FOR_SEVERAL}`);
  log.warn(`the store ${weakness}: ${ALONE}`);
  return store;
}

function registryFor(options: RegistryOptions, { store, policies, events }: Operation): Registry {
  const {
    redirect = true,
    uploadLeaseMs,
    uncommittedUploads,
    manifestBytes = DEFAULTS.manifestBytes,
    sparseManifests = false,
  } = options;
  return registryOn(store, {
    policies,
    events,
    redirect,
    ...(uploadLeaseMs !== undefined && { uploads: { leaseMs: uploadLeaseMs } }),
    ...(uncommittedUploads !== undefined && { uncommitted: uncommittedUploads }),
    limits: { manifestBytes, sparseManifests },
  });
}

/** Koa's handler resolves when the answer has been handed over; failures are told to its error event. */
function asListener(handle: ReturnType<Koa["callback"]>): Parameters<typeof Listener.open>[0] {
  return (request, response) => {
    void handle(request, response);
  };
}
