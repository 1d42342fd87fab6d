import type { Entry } from "../storage/write-once-register.js";
import type { UploadRecord } from "./upload-record.js";
import type { UploadSession } from "./upload-session.js";

interface Waiting {
  readonly session: UploadSession;
  /** The register's entry when it was left; a higher one means that another process has taken over. */
  readonly left: Entry<UploadRecord>;
  /** No later than that entry was written, by this process's monotonic clock. */
  readonly since: number;
}

/** Descriptors and digests kept open; beyond it the longest idle is let go, and re-read if it is ever closed. */
const MAX_WAITING = 1000;
/** Whoever has not come back by now has gone on at another replica or not at all. */
const MAX_WAIT_MS = 10 * 60_000;

/** Sessions whose writer and running digest wait in this process for the next request. Nothing is lost with them: the store has the state. */
export class WaitingSessions {
  readonly #sessions = new Map<string, Waiting>();

  /** Bytes of the session that waits since that entry. */
  sizeOf(id: string, number: number): number | undefined {
    const waiting = this.#sessions.get(id);
    return waiting?.left.number === number ? waiting.session.size : undefined;
  }

  /** The entry since which the session waits, which may have been replaced by another process, and since when. */
  find(id: string): Pick<Waiting, "left" | "since"> | undefined {
    return this.#sessions.get(id);
  }

  add(id: string, session: UploadSession, left: Entry<UploadRecord>, since: number): void {
    const now = performance.now();
    this.#sessions.set(id, { session, left, since });
    for (const [oldest, { since: then }] of this.#sessions) {
      if (this.#sessions.size <= MAX_WAITING && now - then < MAX_WAIT_MS) break;
      // A failure to close a descriptor concerns nobody.
      void this.#release(oldest).catch(() => undefined);
    }
  }

  /** Takes out the session that waits since that entry; one that waits since an earlier entry is let go. */
  async take(id: string, number: number): Promise<UploadSession | undefined> {
    const waiting = this.#sessions.get(id);
    if (waiting !== undefined && waiting.left.number !== number) await this.#release(id);
    this.#sessions.delete(id);
    return waiting?.left.number === number ? waiting.session : undefined;
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map(async (id) => await this.#release(id)));
  }

  async #release(id: string): Promise<void> {
    const waiting = this.#sessions.get(id);
    this.#sessions.delete(id);
    await waiting?.session.release();
  }
}
