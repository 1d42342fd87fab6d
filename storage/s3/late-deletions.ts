import { MAX_LIST_PAGE } from "../object-store.js";
import type { BulkDeletion } from "./bulk-deletion.js";

/** So long a deletion may wait for others. */
const WITHIN_MS = 1000;

/**
 * Deletions of the driver's own objects that nobody waits for: those of a second, of all uploads, go in one request. What is
 * not deleted because the process was killed, or the server failed, is found by the sweep.
 */
export class LateDeletions {
  #keys: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #deleting: Promise<void> = Promise.resolve();

  constructor(private readonly deletion: BulkDeletion) {}

  add(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.#keys.push(...keys);
    if (this.#keys.length >= MAX_LIST_PAGE) this.#deleteAll();
    else this.#timer ??= setTimeout(() => this.#deleteAll(), WITHIN_MS).unref();
  }

  /** Resolves when nothing waits any more. */
  async settle(): Promise<void> {
    this.#deleteAll();
    await this.#deleting;
  }

  #deleteAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#keys.length > 0) {
      const some = this.#keys.splice(0, MAX_LIST_PAGE);
      this.#deleting = this.#deleting.then(async () => await this.deletion.delete(some)).catch(() => undefined);
    }
  }
}
