import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore, PutOptions } from "../../storage/object-store.js";
import { keys, registerNumberOf } from "./key-tree.js";
import { listAllKeys } from "./whole-listing.js";

export interface Entry<T> {
  readonly number: number;
  readonly value: T;
}

/**
 * The first entries are never removed, so whoever creates one of these numbers won by that alone. Most registers never have
 * more: pending, live, condemned, tombstone; or an upload of one PATCH and one PUT.
 */
const FIRST_KEPT = 4;
/**
 * So many of the newest entries stay too: a listing that is under way while the register moves on cannot miss all that are
 * above a late writer's number.
 */
const NEWEST_KEPT = 8;
/** Up to this number no listing is worth its price to know which entries there are. */
const REMOVED_UNSEEN = 16;
/** Old entries go so many at a time, so that few writes pay for it. */
const REMOVED_AT_ONCE = 8;

/**
 * A value that changes by compare-and-swap, on a store that can only create: each change is a new object with the next
 * number, the first creation of a number wins, and the highest number is the truth. No entry is ever replaced. The first
 * ones and the newest stay, those between are removed by writers that come after (docs/decisions, "Pointers change by
 * creation alone").
 */
export class WriteOnceRegister<T extends object> {
  constructor(
    private readonly store: ObjectStore,
    /** The key below which the entries lie. */
    readonly key: string,
  ) {}

  /**
   * The value in force, read from the store. Undefined when there never was one.
   * @param known an entry that was read or created before: it is not read again should it still be the one in force
   */
  async read(known?: Entry<T>): Promise<Entry<T> | undefined> {
    if (known !== undefined && (await this.#isInForce(known.number))) return known;
    let highest = (await this.#numbers()).at(-1);
    let bytes: Buffer | undefined;
    while (highest !== undefined && bytes === undefined) {
      bytes = await this.#get(keys.registerEntry(this.key, highest));
      // Removed since it was listed.
      if (bytes === undefined) highest = (await this.#numbers()).at(-1);
    }
    if (highest === undefined || bytes === undefined) return undefined;
    return { number: highest, value: this.#parse(highest, bytes) };
  }

  /** How long ago the entry in force was written, by the clock of the medium, though it cannot be read. */
  async ageMs(): Promise<number | undefined> {
    const highest = (await this.#numbers()).at(-1);
    const info = highest === undefined ? undefined : await this.store.stat(keys.registerEntry(this.key, highest));
    return info && Date.now() - info.modifiedAt;
  }

  /**
   * The entry with this number, which never changes.
   * @returns undefined when it has been removed, which means that it is no longer in force
   */
  async readEntry(number: number): Promise<Entry<T> | undefined> {
    const bytes = await this.#get(keys.registerEntry(this.key, number));
    return bytes === undefined ? undefined : { number, value: this.#parse(number, bytes) };
  }

  /**
   * Replaces `before`, which `read` gave, by `value`.
   * @returns undefined when another writer was first, and now and then when one came right after: read again
   */
  async replace(
    before: Entry<T> | undefined,
    value: T,
    options: Omit<PutOptions, "ifAbsent"> = {},
  ): Promise<Entry<T> | undefined> {
    const number = (before?.number ?? 0) + 1;
    try {
      const bytes = Buffer.from(JSON.stringify(value));
      await this.store.put(keys.registerEntry(this.key, number), bytes, { ...options, ifAbsent: true });
    } catch (error) {
      if (isBerthError(error, "ALREADY_EXISTS")) return undefined;
      throw error;
    }
    return number <= FIRST_KEPT || (await this.#isHighest(number)) ? { number, value } : undefined;
  }

  /**
   * False once the register is being removed, or was. Who has created a number without reading before, and then is told
   * true, was the first to create it: while the first entry is there, none that a writer could build on has been removed.
   */
  async isThere(): Promise<boolean> {
    return (await this.store.stat(keys.registerEntry(this.key, 1))) !== undefined;
  }

  /**
   * Only for a register whose key is never used again. The first entry goes first, and alone.
   * @param highest the number of the entry in force, when the caller knows it
   */
  async remove(highest?: number): Promise<void> {
    const numbers =
      highest === undefined || highest > REMOVED_UNSEEN
        ? await this.#numbers()
        : Array.from({ length: highest }, (_, i) => i + 1);
    const [first, ...others] = numbers.map((number) => keys.registerEntry(this.key, number));
    if (first !== undefined) await this.store.delete(first);
    if (others.length > 0) await this.store.deleteAll(others);
  }

  /**
   * Whether an entry just created is in force. It is not when its number had been in use long ago and was removed: then
   * there is a higher one. Whoever sees that it is may remove what lies far below.
   */
  async #isHighest(number: number): Promise<boolean> {
    const numbers = await this.#numbers();
    if (numbers.at(-1) !== number) return false;
    const removable = numbers.filter((old) => old > FIRST_KEPT && old < number - NEWEST_KEPT);
    if (removable.length < REMOVED_AT_ONCE) return true;
    for (const old of removable) await this.store.delete(keys.registerEntry(this.key, old));
    return true;
  }

  #parse(number: number, bytes: Buffer): T {
    try {
      return JSON.parse(bytes.toString()) as T;
    } catch (cause) {
      const key = keys.registerEntry(this.key, number);
      throw new BerthError("STORAGE", `object ${key} is damaged: it is not JSON`, { cause });
    }
  }

  async #get(key: string): Promise<Buffer | undefined> {
    try {
      return await this.store.get(key);
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }

  /**
   * An entry that was there is in force as long as the next one is not: numbers follow one another. Where entries are removed,
   * that next one may have been, and only a listing tells; it costs S3's owner as much as twelve looks.
   */
  async #isInForce(number: number): Promise<boolean> {
    if (number >= FIRST_KEPT) return (await this.#numbers()).at(-1) === number;
    return (await this.store.stat(keys.registerEntry(this.key, number + 1))) === undefined;
  }

  /** Ascending. */
  async #numbers(): Promise<number[]> {
    return (await listAllKeys(this.store, `${this.key}/`)).map(registerNumberOf);
  }
}
