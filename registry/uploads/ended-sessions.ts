import { MAX_LIST_PAGE, type ObjectStore } from "../../storage/object-store.js";
import { keys } from "../storage/key-tree.js";

/** A session whose last entry says that it has ended. */
export interface EndedSession {
  readonly id: string;
  /** Of that entry. */
  readonly number: number;
}

interface Waiting extends EndedSession {
  /** By this process's monotonic clock. */
  readonly since: number;
}

/** Each costs some hundred bytes. Those beyond are left to the sweep. */
const MAX_WAITING = 50_000;
/** The register's own old entries have been removed up to there. */
const NEWEST_LEFT = 32;

/**
 * Sessions that are over. Their registers stay for a while, so that nobody who still has an earlier entry in mind can create
 * a number anew, and then go together, a thousand in three requests. Those of a process that ends are left to the sweep.
 */
export class EndedSessions {
  #waiting: Waiting[] = [];
  #removing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly waitMs: number,
  ) {}

  add(id: string, number: number): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push({ id, number, since: performance.now() });
    this.#timer ??= setInterval(() => {
      this.#removing = this.#removing.then(async () => {
        await this.#removeOld();
      });
    }, this.waitMs / 2).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#removing;
  }

  async #removeOld(): Promise<void> {
    const latest = performance.now() - this.waitMs;
    const old = this.#waiting.filter(({ since }) => since <= latest);
    this.#waiting = this.#waiting.slice(old.length);
    // The sweep finds what is left.
    await removeEnded(this.store, old).catch(() => undefined);
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Removes the registers of sessions that ended long ago. The first entries go first, by which late claims are told from new
 * ones, and the last ones, which say that the session has ended, at the very end: it does not begin anew should this be cut off.
 */
export async function removeEnded(store: ObjectStore, sessions: readonly EndedSession[]): Promise<void> {
  const [first, middle, last] = [new Array<string>(), new Array<string>(), new Array<string>()];
  for (const { id, number } of sessions) {
    const entry = (n: number): string => keys.registerEntry(keys.upload(id), n);
    if (number > 1) first.push(entry(1));
    for (let n = 2; n < number; n++) if (n <= NEWEST_LEFT || n > number - NEWEST_LEFT) middle.push(entry(n));
    last.push(entry(number));
  }
  for (const some of [first, middle, last]) {
    for (let i = 0; i < some.length; i += MAX_LIST_PAGE) await store.deleteAll(some.slice(i, i + MAX_LIST_PAGE));
  }
}
