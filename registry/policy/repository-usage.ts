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

  /**
   * @param options.fresh as the store has them now. Else a link that comes while its directory is just being made may be
   *   missed, because the directory above it, whose stamp is looked at, does not change again.
   */
  async blobsOf(
    repository: string,
    { fresh = false }: { readonly fresh?: boolean } = {},
  ): Promise<ReadonlyMap<Digest, number>> {
    const all = new Map<Digest, number>();
    for (const algorithm of ["sha256", "sha512"] as const) {
      const directory = keys.blobLinks(repository, algorithm);
      const list = async (): Promise<ReadonlyMap<Digest, number>> => await this.#list(directory);
      for (const [digest, size] of fresh ? await list() : await this.#listings.get(directory, list))
        all.set(digest, size);
    }
    return all;
  }

  async #list(directory: string): Promise<ReadonlyMap<Digest, number>> {
    const links = (await listAllKeys(this.store, `${directory}/`)).map(blobLinkOfKey);
    return new Map(links.flatMap((link) => (link === undefined ? [] : [[link.digest, link.size]])));
  }
}
