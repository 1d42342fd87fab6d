import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { eachAtOnce } from "../at-once.js";
import { digestOfKey, keys } from "../storage/key-tree.js";
import { listAllKeys } from "../storage/whole-listing.js";

interface Pull {
  readonly stored: string;
  readonly digest: Digest;
  at: number;
  /** What the store knows; 0 for nothing. */
  writtenAt: number;
}

/** A pull within this time of the last one that was written down costs no write. */
const WRITE_EVERY_MS = 3600_000;
const MAX_ENTRIES = 100_000;
const AT_ONCE = 16;

/** When each manifest of a copy was last pulled: in memory at once, in the store now and then and to the hour. */
export class PullLedger {
  readonly #pulls = new Map<string, Pull>();

  constructor(private readonly store: ObjectStore) {}

  note(stored: string, digest: Digest, at = Date.now()): void {
    const key = keys.pull(stored, digest);
    const pull = this.#pulls.get(key) ?? { stored, digest, at, writtenAt: 0 };
    pull.at = at;
    this.#pulls.delete(key);
    this.#pulls.set(key, pull);
    const [oldest] = this.#pulls.keys();
    if (this.#pulls.size > MAX_ENTRIES && oldest !== undefined) this.#pulls.delete(oldest);
  }

  /** Writes down what is new. */
  async flush(): Promise<void> {
    const due = [...this.#pulls].filter(([, pull]) => pull.at - pull.writtenAt >= WRITE_EVERY_MS);
    await eachAtOnce(due, AT_ONCE, async ([key, pull]) => {
      const { at } = pull;
      await this.store.put(key, Buffer.from(String(at)), { volatile: true });
      pull.writtenAt = at;
    });
  }

  /** Of one manifest, as far as this process knows. */
  seen(stored: string, digest: Digest): number {
    return this.#pulls.get(keys.pull(stored, digest))?.at ?? 0;
  }

  /** Of all manifests of a repository that anybody has written down, or that this process knows. */
  async lastPulls(stored: string): Promise<ReadonlyMap<Digest, number>> {
    const last = new Map<Digest, number>();
    const written = await listAllKeys(this.store, `${keys.pulls(stored)}/`);
    await eachAtOnce(written, AT_ONCE, async (key) => {
      const digest = digestOfKey(key);
      if (digest !== undefined) last.set(digest, await this.#read(key));
    });
    for (const pull of this.#pulls.values()) {
      if (pull.stored === stored) last.set(pull.digest, Math.max(pull.at, last.get(pull.digest) ?? 0));
    }
    return last;
  }

  async forget(stored: string, digest: Digest): Promise<void> {
    const key = keys.pull(stored, digest);
    this.#pulls.delete(key);
    await this.store.delete(key);
  }

  async #read(key: string): Promise<number> {
    try {
      const at = Number((await this.store.get(key)).toString());
      return Number.isSafeInteger(at) ? at : 0;
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return 0;
      throw error;
    }
  }
}
