import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ByteSpan, ObjectBody, ObjectStore } from "../../storage/object-store.js";
import { BoundedMap } from "../bounded-map.js";
import { BlobLinks, unknownBlob } from "./blob-links.js";
import { keys } from "./key-tree.js";
import { StampedCache, type CacheReading } from "./stamped-cache.js";
import { WriteOnceRegister, type Entry } from "./write-once-register.js";

/** What is known of a blob, whichever repository serves it. */
export interface BlobPointer {
  /**
   * pending: writers are about to give their bytes a name, which already keeps those from being collected.
   * condemned and tombstone are the garbage collector's: about to go unless somebody wants it; gone.
   */
  readonly state: "pending" | "live" | "condemned" | "tombstone";
  /** keys.data */
  readonly data: string;
  /** While pending, the same of other writers who push the same blob at the same time. */
  readonly others?: readonly string[];
  readonly size: number;
  /** Milliseconds since the epoch: when somebody last asked for it to be kept. */
  readonly at: number;
}

/** The bytes of an upload. */
export interface ReceivedBytes {
  readonly size: number;
  /**
   * Absent when they were seen to have their digest. Else looks, and may give them their name to do so: only to be called
   * once a register claims them. @throws BerthError DIGEST_INVALID, and they are gone
   */
  verify?(): Promise<void>;
  /** They are about to be given their name. */
  prepare?(): void;
  /** Gives them their name. Idempotent. */
  complete(): Promise<void>;
  /** Frees them, with or without a name. */
  discard(): Promise<void>;
}

/** A blob asked for again after this time counts as new for the collector's grace time, which must be longer. */
const TOUCH_AFTER_MS = 3600_000;
const POINTER_CACHE_ENTRIES = 100_000;
const MAX_PUSHED = 10_000;
/** Who is crowded out of the list of pending writers must push again. */
const MAX_OTHERS = 32;

/** The bytes that must not be collected because of this entry: keys.data of each. */
export function blobClaimsOf(pointer: BlobPointer | undefined): readonly string[] {
  if (pointer === undefined || pointer.state === "tombstone") return [];
  return [pointer.data, ...(pointer.others ?? [])];
}

export class BlobStore {
  readonly #links: BlobLinks;
  readonly #pointers: StampedCache<Entry<BlobPointer> | undefined>;
  /** What this process made live last: a manifest that names it is about to come. */
  readonly #pushed = new BoundedMap<Digest, Entry<BlobPointer>>(MAX_PUSHED);

  constructor(private readonly store: ObjectStore) {
    this.#links = new BlobLinks(store, async (digest) => (await this.#register(digest).read())?.value.data);
    this.#pointers = new StampedCache(store, POINTER_CACHE_ENTRIES, () => 1, { mayLag: true });
  }

  /** Size of a blob that the repository may serve; it will stay for a grace time. @throws BerthError BLOB_UNKNOWN */
  async stat(repository: string, digest: Digest): Promise<number> {
    // What lags may belong to a blob that was collected and pushed again since.
    const size =
      (await this.#liveSize(repository, digest)) ?? (await this.#liveSize(repository, digest, { fresh: true }));
    if (size === undefined) throw unknownBlob(digest);
    return size;
  }

  /** Opens a blob that the repository may serve. @throws BerthError BLOB_UNKNOWN; STORAGE when its bytes are lost */
  async open(
    repository: string,
    digest: Digest,
    rangeOf?: (size: number) => ByteSpan | undefined,
  ): Promise<ObjectBody> {
    let former: string | undefined;
    for (const fresh of [false, true]) {
      const link = await this.#links.find(repository, digest, { fresh });
      if (link.data === former) break;
      former = link.data;
      try {
        return await this.store.open(keys.data(link.data), rangeOf?.(link.size));
      } catch (error) {
        if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
      }
    }
    const pointer = (await this.#register(digest).read())?.value;
    if (pointer?.state !== "live" || pointer.data !== former) throw unknownBlob(digest);
    // Nobody would hear of what is lost, and clients that ask by HEAD do not push it again.
    throw new BerthError("STORAGE", `the bytes of blob ${digest} are missing: berth registry scrub finds what else is`);
  }

  /**
   * A URL from which a client may fetch a blob that the repository may serve; undefined when the store has none. Asks nothing
   * of the store where the link is known. @throws BerthError BLOB_UNKNOWN
   */
  async urlOf(repository: string, digest: Digest, lifetimeSeconds: number): Promise<string | undefined> {
    if (this.store.presign === undefined) return undefined;
    const link = await this.#links.find(repository, digest);
    return await this.store.presign(keys.data(link.data), lifetimeSeconds);
  }

  /** @throws BerthError BLOB_UNKNOWN */
  async size(repository: string, digest: Digest): Promise<number> {
    return (await this.#links.find(repository, digest)).size;
  }

  /** The blob becomes unknown to this repository; its bytes are the collector's business. @throws BerthError BLOB_UNKNOWN */
  async unlink(repository: string, digest: Digest): Promise<void> {
    await this.#links.remove(repository, digest);
  }

  /**
   * Whether the repository has the blob and it will stay: a condemned blob is saved. Reads the store afresh, for a writer
   * that has published its intent to refer to it.
   */
  async isKept(repository: string, digest: Digest): Promise<boolean> {
    const likely = this.#pushed.get(digest)?.value;
    const [kept, isLinked] = await Promise.all([
      this.#kept(digest),
      likely !== undefined && this.#links.isThere(repository, digest, likely),
    ]);
    if (kept === undefined) return false;
    return kept.data === likely?.data ? isLinked : await this.#links.isThere(repository, digest, kept);
  }

  /** Gives `repository` the blob that `from` has, or that any repository has. False when there is none to give. */
  async mount(repository: string, digest: Digest, from?: string): Promise<boolean> {
    if (from !== undefined && !(await this.isKept(from, digest))) return false;
    const kept = await this.#kept(digest);
    if (kept === undefined) return false;
    await this.#putLink(repository, digest, kept);
    return true;
  }

  /**
   * Commits a finished upload: announces it, gives it its name, then points to it. When the blob is already there, the upload
   * is dropped once it is known to be that blob. In each case the repository may serve the blob afterwards.
   * @param data the upload's place: keys.data
   * @throws BerthError BLOB_UPLOAD_INVALID when it took so long that the collector has given it up; DIGEST_INVALID
   */
  async commit(repository: string, digest: Digest, data: string, upload: ReceivedBytes): Promise<void> {
    const { size } = upload;
    upload.prepare?.();
    const announced = await this.#announce(digest, data, size);
    if (upload.verify !== undefined) await this.#verify(digest, data, upload);
    const own: BlobPointer = { state: "live", data, size, at: Date.now() };
    let live: BlobPointer | undefined;
    if (announced.value.state !== "live") {
      live = await this.#pointAndLink(repository, digest, announced, own, upload.complete());
      if (live?.data === data) return;
    } else {
      // To read the bytes back may have taken long. They are not claimed, and so of no use when that one has gone meanwhile.
      live = upload.verify === undefined ? announced.value : await this.#kept(digest);
    }
    if (live?.data !== data) await upload.discard();
    if (live === undefined) {
      throw new BerthError(
        "BLOB_UPLOAD_INVALID",
        "the upload was given up as abandoned while it was committed: push it again",
      );
    }
    await this.#putLink(repository, digest, live);
  }

  /** Who announced what it does not have must not crowd out those who have it. */
  async #verify(digest: Digest, data: string, upload: ReceivedBytes): Promise<void> {
    try {
      await upload.verify?.();
    } catch (error) {
      // Else the collector does it.
      await this.#withdraw(digest, data).catch(() => undefined);
      throw error;
    }
  }

  async #withdraw(digest: Digest, data: string): Promise<void> {
    const register = this.#register(digest);
    for (;;) {
      const entry = await register.read();
      if (entry?.value.state !== "pending" || !blobClaimsOf(entry.value).includes(data)) return;
      const [next, ...others] = blobClaimsOf(entry.value).filter((claimed) => claimed !== data);
      const rest: BlobPointer =
        next === undefined
          ? { state: "tombstone", data, size: entry.value.size, at: Date.now() }
          : { ...entry.value, data: next, others };
      if (await register.replace(entry, rest)) return;
    }
  }

  /**
   * Before bytes get their name, the entry in force claims it: else a collector could take them for nobody's.
   * @returns the entry that claims `data`, or a live one
   */
  async #announce(digest: Digest, data: string, size: number): Promise<Entry<BlobPointer>> {
    const register = this.#register(digest);
    // Most blobs that are pushed were never there before: their first entry is created without a look.
    // Should it be lost with the power, so is whoever relies on it.
    const known = this.#pushed.get(digest);
    const intent: BlobPointer = { state: "pending", data, size, at: Date.now() };
    const first = known === undefined ? await register.replace(undefined, intent, { mayBeLost: true }) : undefined;
    if (first !== undefined) return first;
    for (;;) {
      const before = await register.read(known);
      if (before !== undefined && blobClaimsOf(before.value).includes(data)) return before;
      const kept = before === undefined ? undefined : await this.#keepAlive(digest, before);
      if (kept !== undefined) return { number: 0, value: kept };
      if (before?.value.state === "live" || before?.value.state === "condemned") continue;
      const others = blobClaimsOf(before?.value).slice(0, MAX_OTHERS);
      const own: BlobPointer = { state: "pending", data, size, at: Date.now(), ...(others.length > 0 && { others }) };
      const announced = await register.replace(before, own);
      if (announced !== undefined) return announced;
    }
  }

  /** As `#point`, and links to `own` when that is live: the link is made ready meanwhile. */
  async #pointAndLink(
    repository: string,
    digest: Digest,
    announced: Entry<BlobPointer>,
    own: BlobPointer,
    named: Promise<void>,
  ): Promise<BlobPointer | undefined> {
    named.catch(() => undefined);
    const pointing = this.#point(digest, announced, own, named);
    const isOwn = pointing.then((live) => {
      if (live?.data !== own.data) throw new BerthError("ALREADY_EXISTS", "the bytes of another writer are in force");
    });
    const [pointed, linked] = await Promise.allSettled([pointing, this.#putLink(repository, digest, own, isOwn)]);
    if (pointed.status === "rejected") throw pointed.reason;
    if (linked.status === "rejected" && pointed.value?.data === own.data) throw linked.reason;
    return pointed.value;
  }

  /**
   * Makes `own` live once `named` has resolved. Its bytes have been there for anybody to collect since the entry in force no longer claims them, so
   * from then on they can never be used.
   * @returns what is live instead when another writer was first; undefined when nothing is
   */
  async #point(
    digest: Digest,
    announced: Entry<BlobPointer>,
    own: BlobPointer,
    named: Promise<void>,
  ): Promise<BlobPointer | undefined> {
    const register = this.#register(digest);
    let entry: Entry<BlobPointer> | undefined = announced;
    while (entry !== undefined && blobClaimsOf(entry.value).includes(own.data)) {
      if (entry.value.state === "live") return entry.value;
      const live = await register.replace(entry, own, { after: named });
      if (live !== undefined) {
        this.#pushed.set(digest, live);
        return live.value;
      }
      await named;
      entry = await register.read();
    }
    return entry === undefined ? undefined : await this.#keepAlive(digest, entry);
  }

  async #kept(digest: Digest): Promise<BlobPointer | undefined> {
    const pointer = await this.#register(digest).read(this.#pushed.get(digest));
    return pointer && (await this.#keepAlive(digest, pointer));
  }

  /** The live pointer, touched when it is old and saved when it is condemned; undefined when the blob is gone. */
  async #keepAlive(digest: Digest, found: Entry<BlobPointer>): Promise<BlobPointer | undefined> {
    const register = this.#register(digest);
    let entry: Entry<BlobPointer> | undefined = found;
    while (entry !== undefined && (entry.value.state === "live" || entry.value.state === "condemned")) {
      const { state, data, size, at } = entry.value;
      const now = Date.now();
      if (state === "live" && now - at < TOUCH_AFTER_MS) return entry.value;
      const touched = await register.replace(entry, { state: "live", data, size, at: now });
      if (touched !== undefined) return touched.value;
      entry = await register.read();
    }
    return undefined;
  }

  /** Undefined when the link is to something else than the pointer. */
  async #liveSize(repository: string, digest: Digest, options: CacheReading = {}): Promise<number | undefined> {
    const link = await this.#links.find(repository, digest, options);
    const register = this.#register(digest);
    const pointer = await this.#pointers.get(register.key, async () => await register.read(), options);
    if (pointer === undefined || pointer.value.data !== link.data) return undefined;
    return (await this.#keepAlive(digest, pointer)) && link.size;
  }

  async #putLink(repository: string, digest: Digest, pointer: BlobPointer, after?: Promise<unknown>): Promise<void> {
    await this.#links.put(repository, digest, pointer, after);
    this.#pointers.forget(keys.blob(digest));
  }

  #register(digest: Digest): WriteOnceRegister<BlobPointer> {
    return new WriteOnceRegister(this.store, keys.blob(digest));
  }
}
