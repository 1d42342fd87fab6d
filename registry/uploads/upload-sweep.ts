import type { Logger } from "pino";

import type { ObjectStore } from "../../storage/object-store.js";
import { isUploadedTo } from "../storage/key-tree.js";
import type { UploadRegistry } from "./upload-registry.js";

const MAX_INTERVAL_MS = 3600_000;
/** What a session still names must be there when the session is gone on with, so bytes without one are left much longer. */
const LEFTOVER_EXPIRIES = 7;
/** And no request takes so long. */
const LEFTOVER_MS = 7 * 24 * 3600_000;

interface Swept {
  readonly uploads: Pick<UploadRegistry, "expire" | "dataOfSessions">;
  readonly store: Pick<ObjectStore, "sweepUploads">;
  readonly expiryMs: number;
}

interface Sweep extends Swept {
  readonly log: Logger;
}

/**
 * Ends the sessions that nobody has gone on with, and frees the bytes to which there is no session, because a process was
 * killed before it wrote one down. What other software has below the same prefix is left alone.
 * @returns how many sessions, and how many others' bytes
 */
export async function endAbandonedUploads({
  uploads,
  store,
  expiryMs,
}: Swept): Promise<[expired: number, freed: number]> {
  const expired = await uploads.expire(expiryMs);
  let inUse: ReadonlySet<string> | undefined;
  const isAbandoned = async (key: string): Promise<boolean> => {
    if (!isUploadedTo(key)) return false;
    // Read when it is first asked for: a session was written down before its upload was begun.
    inUse ??= await uploads.dataOfSessions();
    return !inUse.has(key);
  };
  const freed = await store.sweepUploads?.(Math.max(LEFTOVER_EXPIRIES * expiryMs, LEFTOVER_MS), isAbandoned);
  return [expired, freed ?? 0];
}

/**
 * The same now and then.
 * @returns what stops it, and resolves when it has stopped
 */
export function sweepUploads({ uploads, store, expiryMs, log }: Sweep): () => Promise<void> {
  const sweepOnce = async (): Promise<void> => {
    try {
      const [expired, freed] = await endAbandonedUploads({ uploads, store, expiryMs });
      if (expired > 0) log.info({ expired }, "abandoned uploads ended");
      if (freed > 0) log.info({ freed }, "bytes of uploads without a session freed");
    } catch (error) {
      log.error({ err: error }, "the sweep of abandoned uploads failed");
    }
  };
  let running = Promise.resolve();
  const sweep = (): void => {
    running = sweepOnce();
  };
  sweep();
  const timer = setInterval(sweep, Math.min(expiryMs, MAX_INTERVAL_MS));
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
