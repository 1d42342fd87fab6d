import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { digestOfKey, keys } from "./key-tree.js";
import { listAllKeys } from "./whole-listing.js";

const READS_AT_ONCE = 16;

/** Which manifests of a repository name which subject. The subject need not exist. */
export class ReferrerStore {
  constructor(private readonly store: ObjectStore) {}

  async add(repository: string, subject: Digest, referrer: Descriptor): Promise<void> {
    const key = keys.referrer(repository, subject, referrer.digest);
    await this.store.put(key, Buffer.from(JSON.stringify(referrer)));
  }

  async remove(repository: string, subject: Digest, referrer: Digest): Promise<void> {
    await this.store.delete(keys.referrer(repository, subject, referrer));
  }

  /** Descriptors of the referrers, in the order of their digests. */
  async list(repository: string, subject: Digest): Promise<Descriptor[]> {
    const entries = await listAllKeys(this.store, `${keys.referrers(repository, subject)}/`);
    const found: Descriptor[] = [];
    for (let i = 0; i < entries.length; i += READS_AT_ONCE) {
      const some = await Promise.all(entries.slice(i, i + READS_AT_ONCE).map(async (key) => await this.#read(key)));
      for (const descriptor of some) if (descriptor !== undefined) found.push(descriptor);
    }
    return found;
  }

  async #read(key: string): Promise<Descriptor | undefined> {
    if (digestOfKey(key) === undefined) return undefined;
    try {
      return JSON.parse((await this.store.get(key)).toString()) as Descriptor;
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }
}
