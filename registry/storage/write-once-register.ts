import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, registerNumberOf } from "./key-tree.js";
import { listAllKeys } from "./whole-listing.js";

export interface Entry<T> {
  readonly number: number;
  readonly value: T;
}

/**
 * A value that changes by compare-and-swap, on a store that can only create: each change is a new object with the next
 * number, the first creation of a number wins, and the highest number is the truth. No entry is ever replaced or removed,
 * so whoever creates n+1 after having read n knows that nothing came in between (docs/decisions, "Pointers change by
 * creation alone").
 */
export class WriteOnceRegister<T extends object> {
  constructor(
    private readonly store: ObjectStore,
    /** The key below which the entries lie. */
    readonly key: string,
  ) {}

  /** The value in force, read from the store. Undefined when there never was one. */
  async read(): Promise<Entry<T> | undefined> {
    let highest = await this.#highest();
    let bytes: Buffer | undefined;
    while (highest !== undefined && bytes === undefined) {
      bytes = await this.#get(highest);
      // Removed since it was listed.
      if (bytes === undefined) highest = await this.#highest();
    }
    if (highest === undefined || bytes === undefined) return undefined;
    try {
      return { number: registerNumberOf(highest), value: JSON.parse(bytes.toString()) as T };
    } catch (cause) {
      throw new BerthError("STORAGE", `object ${highest} is damaged: it is not JSON`, { cause });
    }
  }

  /**
   * Replaces `before`, which `read` gave, by `value`.
   * @returns undefined when another writer was first: read again
   */
  async replace(
    before: Entry<T> | undefined,
    value: T,
    options: { readonly volatile?: boolean } = {},
  ): Promise<Entry<T> | undefined> {
    const number = (before?.number ?? 0) + 1;
    try {
      const bytes = Buffer.from(JSON.stringify(value));
      await this.store.put(keys.registerEntry(this.key, number), bytes, { ...options, ifAbsent: true });
      return { number, value };
    } catch (error) {
      if (isBerthError(error, "ALREADY_EXISTS")) return undefined;
      throw error;
    }
  }

  /** Only for a register whose key is never used again. Highest first, so that no older value comes back into force last. */
  async remove(): Promise<void> {
    const entries = await listAllKeys(this.store, `${this.key}/`);
    for (const entry of entries.toReversed()) await this.store.delete(entry);
  }

  async #get(key: string): Promise<Buffer | undefined> {
    try {
      return await this.store.get(key);
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }

  async #highest(): Promise<string | undefined> {
    let highest: string | undefined;
    let startAfter: string | undefined;
    do {
      const page = await this.store.list({ prefix: `${this.key}/`, ...(startAfter !== undefined && { startAfter }) });
      highest = page.keys.at(-1) ?? highest;
      startAfter = page.next;
    } while (startAfter !== undefined);
    return highest;
  }
}
