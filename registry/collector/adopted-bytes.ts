import type { ObjectStore } from "../../storage/object-store.js";
import { repositoriesBeside } from "../migration/distribution-layout.js";

/**
 * Bytes in another registry's tree, to which pointers lead. As long as that tree has repositories its owner may go back to it,
 * and they may name what no manifest names here: one that could not be imported, or has not been yet.
 */
export class AdoptedBytes {
  readonly #inUse = new Map<string, Promise<boolean>>();

  constructor(private readonly store: ObjectStore) {}

  /** Whether the bytes are not this registry's alone. Asked of the store once for each tree. */
  async areShared(dataKey: string): Promise<boolean> {
    const repositories = repositoriesBeside(dataKey);
    if (repositories === undefined) return false;
    let inUse = this.#inUse.get(repositories);
    if (inUse === undefined) {
      inUse = this.store.list({ prefix: repositories, limit: 1 }).then(({ keys }) => keys.length > 0);
      this.#inUse.set(repositories, inUse);
    }
    return await inUse;
  }
}
