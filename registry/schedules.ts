import type { Logger } from "pino";

import type { ObjectStore } from "../storage/object-store.js";
import { CollectorSchedule } from "./collector/collector-schedule.js";
import type { MetricFamily } from "./observability/metric-family.js";
import type { Registry } from "./registry.js";
import type { RegistryOptions } from "./registry-options.js";
import { sweepUploads } from "./uploads/upload-sweep.js";

const UPLOAD_EXPIRY_MS = 24 * 3600_000;

interface Served {
  readonly registry: Registry;
  /** The driver's own, whose leftovers are swept. */
  readonly store: ObjectStore;
  /** The store as metrics and traces see it. */
  readonly watchedStore: ObjectStore;
  readonly log: Logger;
}

/** What goes on beside requests in one process of a host. */
export function startSchedules(
  { schedules = true, uploadExpiryMs = UPLOAD_EXPIRY_MS, collector }: RegistryOptions,
  { registry: { uploads }, store, watchedStore, log }: Served,
): { readonly families: readonly MetricFamily[]; close(): Promise<void> } {
  if (!schedules) return { families: [], close: () => Promise.resolve() };
  const stopSweeping = sweepUploads({ uploads, store, expiryMs: uploadExpiryMs, log });
  const collecting = collector && new CollectorSchedule(watchedStore, collector, log);
  return {
    families: collecting?.families ?? [],
    close: async () => {
      await collecting?.stop();
      await stopSweeping();
    },
  };
}
