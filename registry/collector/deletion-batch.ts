import { MAX_LIST_PAGE } from "../../storage/object-store.js";
import type { Collection } from "./collection.js";

/**
 * Keys that are to go, many at once: a bucket takes a thousand in one request. That they go somewhat later than they were
 * looked at does no harm, since they are of generations that are gone for good. A run that is killed leaves them to the next one.
 */
export class DeletionBatch {
  #keys: string[] = [];

  constructor(private readonly collection: Collection) {}

  async add(key: string): Promise<void> {
    if (this.collection.isDryRun) return;
    this.#keys.push(key);
    if (this.#keys.length >= MAX_LIST_PAGE) await this.flush();
  }

  /** Resolves when all that was added is gone. @throws BerthError ABORTED */
  async flush(): Promise<void> {
    while (this.#keys.length > 0) {
      this.collection.assertWanted();
      await this.collection.store.deleteAll(this.#keys.splice(0, MAX_LIST_PAGE));
    }
  }
}
