import { parseDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { MAX_LIST_PAGE, type ObjectStore } from "../../storage/object-store.js";
import { eachAtOnce } from "../at-once.js";
import { keys } from "./key-tree.js";
import { unknownManifest } from "./manifest-store.js";
import { StampedCache } from "./stamped-cache.js";
import { listAllKeys } from "./whole-listing.js";

const TAG_CACHE_ENTRIES = 100_000;
/** Tags in cached listings, of all repositories together. */
const LISTED_TAGS = 500_000;
const READS_AT_ONCE = 16;

/** Tags: the last writer wins, but where a tag may only be created. */
export class TagStore {
  readonly #digests: StampedCache<Digest>;
  readonly #listings: StampedCache<readonly string[]>;

  constructor(private readonly store: ObjectStore) {
    this.#digests = new StampedCache(store, TAG_CACHE_ENTRIES, () => 1);
    this.#listings = new StampedCache(store, LISTED_TAGS, (tags) => tags.length + 1);
  }

  /** What the tag names, which may have been deleted. @throws BerthError MANIFEST_UNKNOWN */
  async resolve(repository: string, tag: string): Promise<Digest> {
    const key = keys.tag(repository, tag);
    try {
      return await this.#digests.get(key, async () => parseDigest((await this.store.get(key)).toString()));
    } catch (error) {
      throw isBerthError(error, "OBJECT_UNKNOWN") ? unknownManifest(tag) : error;
    }
  }

  /** What the tag names and when it was pushed last, in milliseconds since the epoch; undefined when there is none. */
  async describe(
    repository: string,
    tag: string,
  ): Promise<{ readonly tag: string; readonly digest: Digest; readonly pushedAt: number } | undefined> {
    const key = keys.tag(repository, tag);
    const info = await this.store.stat(key);
    if (info === undefined) return undefined;
    try {
      return { tag, digest: parseDigest((await this.store.get(key)).toString()), pushedAt: info.modifiedAt };
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }

  async put(repository: string, tag: string, digest: Digest): Promise<void> {
    await this.store.put(keys.tag(repository, tag), Buffer.from(digest));
  }

  /** True when the tag names the manifest afterwards, false when it names another: of racing creations one wins. */
  async create(repository: string, tag: string, digest: Digest): Promise<boolean> {
    const key = keys.tag(repository, tag);
    try {
      await this.store.put(key, Buffer.from(digest), { ifAbsent: true });
      return true;
    } catch (error) {
      if (!isBerthError(error, "ALREADY_EXISTS")) throw error;
      return (await this.store.get(key)).toString() === digest;
    }
  }

  /** @throws BerthError MANIFEST_UNKNOWN */
  async delete(repository: string, tag: string): Promise<void> {
    await this.resolve(repository, tag);
    await this.store.delete(keys.tag(repository, tag));
  }

  /** All tags in ASCII order. @param part what is of interest: where all would be read anew each time, only that is */
  async list(
    repository: string,
    part?: { readonly after?: string; readonly most: number },
  ): Promise<readonly string[]> {
    const directory = keys.tags(repository);
    const prefix = `${directory}/`;
    const tagOf = (key: string): string => key.slice(prefix.length);
    if (part !== undefined && part.most <= MAX_LIST_PAGE && this.store.traits.staleForMs > 0) {
      const { after, most } = part;
      const page = await this.store.list({
        prefix,
        shallow: true,
        limit: most,
        ...(after !== undefined && { startAfter: prefix + after }),
      });
      // A medium may give less than it was asked for.
      if (page.next === undefined || page.keys.length === most) return page.keys.map(tagOf);
    }
    return await this.#listings.get(directory, async () => {
      return (await listAllKeys(this.store, prefix, { shallow: true })).map(tagOf);
    });
  }

  /** Removes the tags that name a manifest which has been deleted. */
  async deleteAllOf(repository: string, digest: Digest): Promise<void> {
    await eachAtOnce(await this.list(repository), READS_AT_ONCE, async (tag) => {
      await this.#deleteIf(repository, tag, digest);
    });
  }

  async #deleteIf(repository: string, tag: string, digest: Digest): Promise<void> {
    const key = keys.tag(repository, tag);
    try {
      if ((await this.store.get(key)).toString() === digest) await this.store.delete(key);
    } catch (error) {
      if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
    }
  }
}
