import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, referrerOfKey } from "./key-tree.js";
import { listAllKeys } from "./whole-listing.js";

const READS_AT_ONCE = 16;
/** Annotations are the manifest's, so that each descriptor may be as large as a manifest. Clients read an index of 4 MiB. */
const PAGE_BYTES = 3 * 1024 * 1024;

interface ReferrerQuery {
  readonly after?: Digest;
  readonly artifactType?: string;
}

interface ReferrerPage {
  readonly referrers: readonly Descriptor[];
  /** The next page's `after`; absent on the last page. */
  readonly next?: Digest;
}

/** Which manifests of a repository name which subject. The subject need not exist. */
export class ReferrerStore {
  constructor(private readonly store: ObjectStore) {}

  /** @param data of the referrer's bytes: pushed again after it was deleted, it gets an entry that no late removal hits */
  async add(repository: string, subject: Digest, referrer: Descriptor, data: string): Promise<void> {
    const key = keys.referrer(repository, subject, referrer.digest, data);
    await this.store.put(key, Buffer.from(JSON.stringify(referrer)));
  }

  async remove(repository: string, subject: Digest, referrer: Digest, data: string): Promise<void> {
    await this.store.delete(keys.referrer(repository, subject, referrer, data));
  }

  /**
   * Descriptors of the referrers, in the order of their digests, as many as fit a page.
   * @param query.after the last one of the page before; `artifactType` leaves out all others
   */
  async page(repository: string, subject: Digest, query: ReferrerQuery = {}): Promise<ReferrerPage> {
    const { after, artifactType } = query;
    const prefix = `${keys.referrers(repository, subject)}/`;
    const start = after === undefined ? "" : prefix + after.replace(":", "/");
    const entries = firstOfEach(await listAllKeys(this.store, prefix), start);
    const referrers: Descriptor[] = [];
    let bytes = 0;
    for (let i = 0; i < entries.length; i += READS_AT_ONCE) {
      const some = await Promise.all(entries.slice(i, i + READS_AT_ONCE).map(async (key) => await this.#read(key)));
      for (const found of some) {
        if (found === undefined || (artifactType !== undefined && found.artifactType !== artifactType)) continue;
        bytes += sizeOf(found);
        const last = referrers.at(-1);
        if (last !== undefined && bytes > PAGE_BYTES) return { referrers, next: last.digest };
        referrers.push(found);
      }
    }
    return { referrers };
  }

  async #read(key: string): Promise<Descriptor | undefined> {
    if (referrerOfKey(key) === undefined) return undefined;
    try {
      return JSON.parse((await this.store.get(key)).toString()) as Descriptor;
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }
}

function sizeOf(descriptor: Descriptor): number {
  return Buffer.byteLength(JSON.stringify(descriptor));
}

/** Of a referrer that was deleted and pushed again there may be two entries for a while, which say the same. */
function firstOfEach(keysInOrder: readonly string[], after: string): string[] {
  const first = new Map<string, string>();
  for (const key of keysInOrder) {
    const referrer = key.slice(0, key.lastIndexOf("/"));
    if (referrer > after && !first.has(referrer)) first.set(referrer, key);
  }
  return [...first.values()];
}
