import { algorithmOf, type Digest, type DigestAlgorithm } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { BoundedMap } from "../bounded-map.js";
import { blobLinkOfKey, keys, type BlobLinkName } from "./key-tree.js";
import { StampedCache, type CacheReading } from "./stamped-cache.js";
import { listAllKeys } from "./whole-listing.js";

const CACHED_LINKS = 100_000;
/** A listing of so many costs no more computing than looking for three of them. */
const LISTED_AT_ONCE = 250;
/** Repositories of which it is remembered when they were listed. */
const MAX_LISTED = 10_000;

/** The bytes that a link is to. */
type Linked = Pick<BlobLinkName, "data" | "size">;

/** Which repository may serve which blob: each link names the bytes that are meant. */
export class BlobLinks {
  readonly #cache: StampedCache<BlobLinkName>;
  /** Listings of many links under way, by prefix. */
  readonly #listing = new Map<string, Promise<void>>();
  readonly #listed = new BoundedMap<string, { readonly at: number }>(MAX_LISTED);

  /** @param dataOf what the blob's pointer names now */
  constructor(
    private readonly store: ObjectStore,
    private readonly dataOf: (digest: Digest) => Promise<string | undefined>,
  ) {
    this.#cache = new StampedCache(store, CACHED_LINKS, () => 1, { mayLag: true });
  }

  /** @throws BerthError BLOB_UNKNOWN */
  async find(repository: string, digest: Digest, options: CacheReading = {}): Promise<BlobLinkName> {
    const directory = keys.blobLinksOf(repository, digest);
    const isWorthListing = this.store.traits.remote === true && options.fresh !== true;
    if (isWorthListing && !this.#cache.holds(directory)) await this.#listAll(repository, algorithmOf(digest));
    const load = async (): Promise<BlobLinkName> => {
      const link = await this.#read(digest, directory);
      if (link === undefined) throw unknownBlob(digest);
      return link;
    };
    return await this.#cache.get(directory, load, options);
  }

  /** Asks the store. */
  async isThere(repository: string, digest: Digest, { data, size }: Linked): Promise<boolean> {
    return (await this.store.stat(keys.blobLink(repository, digest, data, size))) !== undefined;
  }

  /** @param after see PutOptions */
  async put(repository: string, digest: Digest, { data, size }: Linked, after?: Promise<unknown>): Promise<void> {
    await this.#cache.change(keys.blobLinksOf(repository, digest), async () => {
      const key = keys.blobLink(repository, digest, data, size);
      await this.store.put(key, Buffer.alloc(0), after === undefined ? {} : { after });
      return { digest, data, size };
    });
  }

  /** @throws BerthError BLOB_UNKNOWN */
  async remove(repository: string, digest: Digest): Promise<void> {
    const directory = keys.blobLinksOf(repository, digest);
    const links = await listAllKeys(this.store, `${directory}/`);
    if (links.length === 0) throw unknownBlob(digest);
    await this.#cache.change(directory, async () => {
      await this.store.deleteAll(links);
      return undefined;
    });
  }

  async #read(digest: Digest, directory: string): Promise<BlobLinkName | undefined> {
    const keysThere = await listAllKeys(this.store, `${directory}/`);
    const links = keysThere.map(blobLinkOfKey).filter((link) => link !== undefined);
    if (links.length < 2) return links[0];
    // The collector has not yet removed those to bytes that are gone.
    const current = await this.dataOf(digest);
    return links.find(({ data }) => data === current);
  }

  /**
   * Who pulls one blob of a repository is going to pull others. Where each look is a request, the first one in a while is a
   * listing of all links, as far as they fit a page.
   */
  async #listAll(repository: string, algorithm: DigestAlgorithm): Promise<void> {
    const prefix = `${keys.blobLinks(repository, algorithm)}/`;
    const now = performance.now();
    if (now - (this.#listed.get(prefix)?.at ?? -Infinity) < this.store.traits.staleForMs) {
      await this.#listing.get(prefix);
      return;
    }
    this.#listed.set(prefix, { at: now });
    const listing = this.#cache.keepAll(async () => {
      const { keys: found, next } = await this.store.list({ prefix, limit: LISTED_AT_ONCE });
      return linksAmong(found, next === undefined);
    });
    this.#listing.set(prefix, listing);
    try {
      await listing;
    } finally {
      this.#listing.delete(prefix);
    }
  }
}

/**
 * By directory, those of which there is one.
 * @param isAll else more links to the last one may follow
 */
function linksAmong(found: readonly string[], isAll: boolean): Map<string, BlobLinkName> {
  const links = new Map<string, BlobLinkName>();
  const unclear = new Set<string>();
  const directoryOf = (key: string): string => key.slice(0, key.lastIndexOf("/"));
  for (const key of found) {
    const link = blobLinkOfKey(key);
    if (link === undefined || links.has(directoryOf(key))) unclear.add(directoryOf(key));
    else links.set(directoryOf(key), link);
  }
  if (!isAll) unclear.add(directoryOf(found.at(-1) ?? ""));
  for (const directory of unclear) links.delete(directory);
  return links;
}

export function unknownBlob(digest: Digest): BerthError {
  return new BerthError("BLOB_UNKNOWN", "this repository has no such blob", { details: { digest } });
}
