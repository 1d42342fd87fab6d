import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ByteSpan, ObjectBody, ObjectStore } from "../../storage/object-store.js";
import { keys } from "./key-tree.js";
import { StampedCache } from "./stamped-cache.js";
import { WriteOnceRegister, type Entry } from "./write-once-register.js";

/** What is known of a blob, whichever repository serves it. */
export interface BlobPointer {
  /** condemned and tombstone are the garbage collector's: about to go unless somebody wants it; gone. */
  readonly state: "live" | "condemned" | "tombstone";
  /** keys.data */
  readonly data: string;
  readonly size: number;
  /** Milliseconds since the epoch: when somebody last asked for it to be kept. */
  readonly at: number;
}

/** A repository's right to serve a blob, bound to the generation of the blob that was there when it was given. */
interface BlobLink {
  readonly data: string;
  readonly size: number;
}

/** The bytes of an upload that were seen to have their digest. */
export interface ReceivedBytes {
  readonly size: number;
  /** Gives them their name. Idempotent. */
  complete(): Promise<void>;
  /** Frees them, with or without a name. */
  discard(): Promise<void>;
}

/** A blob asked for again after this time counts as new for the collector's grace time, which must be longer. */
const TOUCH_AFTER_MS = 3600_000;
const LINK_CACHE_ENTRIES = 100_000;

export class BlobStore {
  readonly #links: StampedCache<BlobLink>;
  readonly #pointers: StampedCache<Entry<BlobPointer> | undefined>;

  constructor(private readonly store: ObjectStore) {
    this.#links = new StampedCache(store, LINK_CACHE_ENTRIES, () => 1);
    this.#pointers = new StampedCache(store, LINK_CACHE_ENTRIES, () => 1);
  }

  /** Size of a blob that the repository may serve; it will stay for a grace time. @throws BerthError BLOB_UNKNOWN */
  async stat(repository: string, digest: Digest): Promise<number> {
    const link = await this.#link(repository, digest);
    const register = this.#register(digest);
    const pointer = await this.#pointers.get(register.key, async () => await register.read());
    if (pointer === undefined || pointer.value.data !== link.data || pointer.value.state === "tombstone") {
      throw unknownBlob(digest);
    }
    if ((await this.#keepAlive(digest, pointer)) === undefined) throw unknownBlob(digest);
    return link.size;
  }

  /** Opens a blob that the repository may serve. @throws BerthError BLOB_UNKNOWN */
  async open(
    repository: string,
    digest: Digest,
    rangeOf?: (size: number) => ByteSpan | undefined,
  ): Promise<ObjectBody> {
    const link = await this.#link(repository, digest);
    try {
      return await this.store.open(keys.data(link.data), rangeOf?.(link.size));
    } catch (error) {
      throw isBerthError(error, "OBJECT_UNKNOWN") ? unknownBlob(digest) : error;
    }
  }

  /** @throws BerthError BLOB_UNKNOWN */
  async size(repository: string, digest: Digest): Promise<number> {
    return (await this.#link(repository, digest)).size;
  }

  /** The blob becomes unknown to this repository; its bytes are the collector's business. @throws BerthError BLOB_UNKNOWN */
  async unlink(repository: string, digest: Digest): Promise<void> {
    await this.#link(repository, digest);
    await this.store.delete(keys.blobLink(repository, digest));
  }

  /**
   * Whether the repository has the blob and it will stay: a condemned blob is saved. Reads the store afresh, for a writer
   * that has published its intent to refer to it.
   */
  async isKept(repository: string, digest: Digest): Promise<boolean> {
    let link: BlobLink;
    try {
      link = await this.#link(repository, digest);
    } catch (error) {
      if (isBerthError(error, "BLOB_UNKNOWN")) return false;
      throw error;
    }
    const pointer = await this.#register(digest).read();
    const kept = pointer === undefined ? undefined : await this.#keepAlive(digest, pointer);
    return kept?.data === link.data;
  }

  /** Gives `repository` the blob that `from` has, or that any repository has. False when there is none to give. */
  async mount(repository: string, digest: Digest, from?: string): Promise<boolean> {
    if (from !== undefined && !(await this.isKept(from, digest))) return false;
    const pointer = await this.#register(digest).read();
    const kept = pointer === undefined ? undefined : await this.#keepAlive(digest, pointer);
    if (kept === undefined) return false;
    await this.#putLink(repository, digest, kept);
    return true;
  }

  /**
   * Commits a finished upload whose bytes were seen to have this digest: gives it its name, then points to it. When the
   * blob is already there, the upload is dropped. In each case the repository may serve the blob afterwards.
   * @param data the upload's place: keys.data
   */
  async commit(repository: string, digest: Digest, data: string, upload: ReceivedBytes): Promise<void> {
    const { size } = upload;
    const register = this.#register(digest);
    for (;;) {
      const before = await register.read();
      const kept = before === undefined ? undefined : await this.#keepAlive(digest, before);
      if (kept !== undefined) {
        if (kept.data !== data) await upload.discard();
        await this.#putLink(repository, digest, kept);
        return;
      }
      await upload.complete();
      const own: BlobPointer = { state: "live", data, size, at: Date.now() };
      if (before?.value.state === "live" || before?.value.state === "condemned") continue;
      if ((await this.#point(register, before, own)) === undefined) continue;
      await this.#putLink(repository, digest, own);
      return;
    }
  }

  /** As the register's replace; when that fails, bytes to which nothing points do not stay behind. */
  async #point(
    register: WriteOnceRegister<BlobPointer>,
    before: Entry<BlobPointer> | undefined,
    own: BlobPointer,
  ): Promise<Entry<BlobPointer> | undefined> {
    try {
      return await register.replace(before, own);
    } catch (error) {
      // The pointer may have come to be all the same, and then others may rely on it.
      const now = await register.read();
      if (now?.value.data !== own.data) await this.store.delete(keys.data(own.data));
      throw error;
    }
  }

  /** The live pointer, touched when it is old and saved when it is condemned; undefined when the blob is gone. */
  async #keepAlive(digest: Digest, found: Entry<BlobPointer>): Promise<BlobPointer | undefined> {
    const register = this.#register(digest);
    let entry: Entry<BlobPointer> | undefined = found;
    while (entry !== undefined && entry.value.state !== "tombstone") {
      const { state, data, size, at } = entry.value;
      const now = Date.now();
      if (state === "live" && now - at < TOUCH_AFTER_MS) return entry.value;
      const touched = await register.replace(entry, { state: "live", data, size, at: now });
      if (touched !== undefined) return touched.value;
      entry = await register.read();
    }
    return undefined;
  }

  async #link(repository: string, digest: Digest): Promise<BlobLink> {
    const key = keys.blobLink(repository, digest);
    try {
      return await this.#links.get(key, async () => JSON.parse((await this.store.get(key)).toString()) as BlobLink);
    } catch (error) {
      throw isBerthError(error, "OBJECT_UNKNOWN") ? unknownBlob(digest) : error;
    }
  }

  async #putLink(repository: string, digest: Digest, { data, size }: BlobPointer): Promise<void> {
    const link: BlobLink = { data, size };
    await this.store.put(keys.blobLink(repository, digest), Buffer.from(JSON.stringify(link)));
  }

  #register(digest: Digest): WriteOnceRegister<BlobPointer> {
    return new WriteOnceRegister(this.store, keys.blob(digest));
  }
}

function unknownBlob(digest: Digest): BerthError {
  return new BerthError("BLOB_UNKNOWN", "this repository has no such blob", { details: { digest } });
}
