import type { Logger } from "pino";

import type { ObjectStore } from "../../storage/object-store.js";

const MAX_INTERVAL_MS = 3600_000;
/** What a session still names must be there when the session is gone on with, so bytes without one are left much longer. */
const LEFTOVER_EXPIRIES = 7;

interface Sweep {
  readonly uploads: { expire(ageMs: number): Promise<number> };
  readonly store: Pick<ObjectStore, "sweepUploads">;
  readonly expiryMs: number;
  readonly log: Logger;
}

/**
 * Now and then ends the sessions that nobody has gone on with, and frees the bytes to which there is no session, because a
 * process was killed before it wrote one down.
 * @returns what stops it, and resolves when it has stopped
 */
export function sweepUploads({ uploads, store, expiryMs, log }: Sweep): () => Promise<void> {
  const sweepOnce = async (): Promise<void> => {
    try {
      const expired = await uploads.expire(expiryMs);
      if (expired > 0) log.info({ expired }, "abandoned uploads ended");
      const freed = (await store.sweepUploads?.(LEFTOVER_EXPIRIES * expiryMs)) ?? 0;
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
