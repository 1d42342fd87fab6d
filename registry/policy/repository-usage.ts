import type { Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { blobLinkOfKey, keys } from "../storage/key-tree.js";
import { StampedCache } from "../storage/stamped-cache.js";
import { listAllKeys } from "../storage/whole-listing.js";

const LISTED_BLOBS = 500_000;

/** The blobs that a repository may serve, and their sizes. */
export class RepositoryUsage {
  readonly #listings: StampedCache<ReadonlyMap<Digest, number>>;

  constructor(private readonly store: ObjectStore) {
    this.#listings = new StampedCache(store, LISTED_BLOBS, (listing) => listing.size + 1);
  }

  /** As the store has them now; where the store can tell cheaply that nothing changed, without a listing. */
  async blobsOf(repository: string): Promise<ReadonlyMap<Digest, number>> {
    const [first, second] = await Promise.all(
      (["sha256", "sha512"] as const).map(async (algorithm) => {
        const directory = keys.blobLinks(repository, algorithm);
        return await this.#listings.get(directory, async () => await this.#list(directory));
      }),
    );
    if (first === undefined || second === undefined || second.size === 0) return first ?? new Map();
    return new Map([...first, ...second]);
  }

  async #list(directory: string): Promise<ReadonlyMap<Digest, number>> {
    const links = (await listAllKeys(this.store, `${directory}/`)).map(blobLinkOfKey);
    return new Map(links.flatMap((link) => (link === undefined ? [] : [[link.digest, link.size]])));
  }
}
