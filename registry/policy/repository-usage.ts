import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "../storage/blob-store.js";
import { digestOfKey, keys } from "../storage/key-tree.js";
import { StampedCache } from "../storage/stamped-cache.js";
import { listAllKeys } from "../storage/whole-listing.js";

/** Sizes by digest, which never change: a listing of a repository's blobs then costs no reads. */
const KNOWN_SIZES = 200_000;
const LISTED_BLOBS = 500_000;
const READS_AT_ONCE = 16;

/** The blobs that a repository may serve, and their sizes. */
export class RepositoryUsage {
  readonly #sizes = new Map<Digest, number>();
  readonly #listings: StampedCache<ReadonlyMap<Digest, number>>;

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
  ) {
    this.#listings = new StampedCache(store, LISTED_BLOBS, (listing) => listing.size + 1);
  }

  /** As the store has them now; where the store can tell cheaply that nothing changed, without a listing. */
  async blobsOf(repository: string): Promise<ReadonlyMap<Digest, number>> {
    const [first, second] = await Promise.all(
      (["sha256", "sha512"] as const).map(async (algorithm) => {
        const directory = keys.blobLinks(repository, algorithm);
        return await this.#listings.get(directory, async () => await this.#list(repository, directory));
      }),
    );
    if (first === undefined || second === undefined || second.size === 0) return first ?? new Map();
    return new Map([...first, ...second]);
  }

  async #list(repository: string, directory: string): Promise<ReadonlyMap<Digest, number>> {
    const found = new Map<Digest, number>();
    const digests = (await listAllKeys(this.store, `${directory}/`)).map(digestOfKey).filter((it) => it !== undefined);
    for (let i = 0; i < digests.length; i += READS_AT_ONCE) {
      await Promise.all(
        digests.slice(i, i + READS_AT_ONCE).map(async (digest) => {
          const size = await this.#sizeOf(repository, digest);
          if (size !== undefined) found.set(digest, size);
        }),
      );
    }
    return found;
  }

  async #sizeOf(repository: string, digest: Digest): Promise<number | undefined> {
    const known = this.#sizes.get(digest);
    if (known !== undefined) return known;
    try {
      const size = await this.blobs.size(repository, digest);
      if (this.#sizes.size >= KNOWN_SIZES) this.#sizes.clear();
      this.#sizes.set(digest, size);
      return size;
    } catch (error) {
      // Deleted since it was listed.
      if (isBerthError(error, "BLOB_UNKNOWN")) return undefined;
      throw error;
    }
  }
}
