import type { Middleware } from "koa";
import type { Logger } from "pino";

import type { ObjectStore } from "../storage/object-store.js";
import type { StoreSettings } from "../storage/open-store.js";
import type { AuthSettings } from "./config/auth-section.js";
import type { CollectorSettings } from "./config/collector-section.js";
import type { MirrorSettings } from "./config/mirrors-section.js";
import type { TlsSettings } from "./config/tls-section.js";
import type { UncommittedLimits } from "./config/uploads-section.js";
import type { OperationSettings, ReloadableOperation } from "./operation.js";

export interface RegistryOptions extends OperationSettings {
  /** Directory of the filesystem driver; or `storage`, or `store`. */
  readonly root?: string;
  readonly storage?: StoreSettings;
  /** Closed by whoever opened it. */
  readonly store?: ObjectStore;
  /** True where other processes serve from the same store, which must then keep conditional creation. */
  readonly sharesStore?: boolean;
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
  /** What may be begun and not committed; the configuration's defaults when absent. */
  readonly uncommittedUploads?: UncommittedLimits;
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

/** What may change while the registry runs. Webhooks and mirrors stay as they are where they are absent. */
export interface ReloadableSettings extends ReloadableOperation {
  readonly auth?: AuthSettings | undefined;
  /** Where blobs are spooled stays. */
  readonly mirrors?: MirrorSettings | undefined;
}

export interface RunningRegistry {
  /** `http://host:port`, or https */
  readonly url: string;
  /** `http://host:port/metrics`; absent when no metrics are served. */
  readonly metricsUrl?: string;
  /**
   * Takes changed settings into use for the requests to come, and reads certificates again.
   * @throws BerthError CONFIG_INVALID, and then everything stays as it was, all of it
   */
  reload(settings: ReloadableSettings): Promise<void>;
  /** /readyz says no from now on; everything else is served as before. */
  drain(): void;
  /** Lets requests end, then frees everything. Idempotent. */
  close(): Promise<void>;
}
