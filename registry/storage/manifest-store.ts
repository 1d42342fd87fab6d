import { randomUUID } from "node:crypto";

import { algorithmOf, digestOf, type Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "./blob-store.js";
import { BoundedMap } from "../bounded-map.js";
import { keys } from "./key-tree.js";
import { claimsOf, type ManifestRecord, type ReceivedManifest } from "./manifest-record.js";
import type { ReferrerStore } from "./referrer-store.js";
import { StampedCache } from "./stamped-cache.js";
import { WriteOnceRegister, type Entry } from "./write-once-register.js";

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

const CACHE_BYTES = 48 * 1024 * 1024;
const ENTRY_OVERHEAD_BYTES = 512;
/** A manifest of 4 MiB may name 50,000 others: looking for them must leave the store to other requests. */
const CHECKS_AT_ONCE = 16;
const MISSING_TO_NAME = 100;
/** A manifest put again after this time counts as new for the collector's grace time, which must be longer. */
const TOUCH_AFTER_MS = 3600_000;
/** What was put last, of all repositories. */
const MAX_PUT = 10_000;
/** Who is crowded out of the list of pending writers starts again. */
const MAX_OTHERS = 32;

export class ManifestStore {
  readonly #cache: StampedCache<StoredManifest>;
  /** What this process made live, by register: tags and indexes that name it are about to come. */
  readonly #put = new BoundedMap<string, Entry<ManifestRecord>>(MAX_PUT);

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
    private readonly referrers: ReferrerStore,
  ) {
    const weightOf = ({ bytes }: StoredManifest): number => bytes.length + ENTRY_OVERHEAD_BYTES;
    this.#cache = new StampedCache(store, CACHE_BYTES, weightOf, { mayLag: true });
  }

  /** @throws BerthError MANIFEST_UNKNOWN */
  async get(repository: string, digest: Digest): Promise<StoredManifest> {
    const register = this.#register(repository, digest);
    return await this.#cache.get(register.key, async () => {
      for (;;) {
        const entry = await register.read();
        if (!isServed(entry)) throw unknownManifest(digest);
        try {
          const bytes = await this.store.get(keys.data(entry.value.data));
          if (digestOf(bytes, algorithmOf(digest)) !== digest) throw damagedManifest(digest);
          return { digest, mediaType: entry.value.mediaType, bytes };
        } catch (error) {
          // Deleted, and perhaps pushed again, since the register was read.
          if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
          if ((await register.read())?.number === entry.number) {
            throw new BerthError("STORAGE", `the bytes of manifest ${digest} are missing`, { cause: error });
          }
        }
      }
    });
  }

  async has(repository: string, digest: Digest): Promise<boolean> {
    try {
      await this.get(repository, digest);
      return true;
    } catch (error) {
      if (isBerthError(error, "MANIFEST_UNKNOWN")) return false;
      throw error;
    }
  }

  /**
   * Publishes what the manifest names before it looks whether that exists, so that a collector at work either sees the
   * names or is seen (docs/decisions, "Pointers change by creation alone"). When the promise resolves the manifest is
   * served by digest, and listed as a referrer of its subject.
   * @param sparse what the manifest names may be missing
   * @throws BerthError MANIFEST_BLOB_UNKNOWN
   */
  async put(repository: string, received: ReceivedManifest, { sparse = false } = {}): Promise<void> {
    const register = this.#register(repository, received.digest);
    // Most manifests that are pushed were never there before: their first entry is created without a look.
    for (let isNew = this.#put.get(register.key) === undefined; ; isNew = false) {
      const before = isNew ? undefined : await this.#read(register);
      const live =
        (await this.#keepAlive(register, before)) ?? (await this.#create(repository, received, before, sparse));
      if (live === undefined) continue;
      const { subject, descriptor } = received;
      if (subject === undefined) return;
      await this.referrers.add(repository, subject, descriptor, live.data);
      // Deleted before its entry was there, it would be listed though it is gone.
      const now = await this.#read(register);
      if (isServed(now) && now.value.data === live.data) return;
      await this.referrers.remove(repository, subject, received.digest, live.data);
    }
  }

  /**
   * As `put`; `tagIt` then gives tags to the manifest. Those are published before a last look at the manifest, so that a
   * collector of untagged manifests either sees them or is seen.
   */
  async putTagged(
    repository: string,
    received: ReceivedManifest,
    tagIt: () => Promise<void>,
    options: { readonly sparse?: boolean } = {},
  ): Promise<void> {
    await this.put(repository, received, options);
    await tagIt();
    if (!(await this.isKept(repository, received.digest))) await this.put(repository, received, options);
  }

  /**
   * Whether the manifest is there and will stay: a condemned one is saved. Reads the store afresh, for a writer that has
   * published its intent to refer to it.
   */
  async isKept(repository: string, digest: Digest): Promise<boolean> {
    const register = this.#register(repository, digest);
    return (await this.#keepAlive(register, await this.#read(register))) !== undefined;
  }

  /** @throws BerthError MANIFEST_UNKNOWN */
  async delete(repository: string, digest: Digest): Promise<void> {
    const register = this.#register(repository, digest);
    for (;;) {
      const entry = await register.read();
      if (!isServed(entry)) throw unknownManifest(digest);
      const { value } = entry;
      const gone = await register.replace(entry, { ...value, state: "tombstone", refs: [], at: Date.now() });
      if (gone === undefined) continue;
      this.#cache.forget(register.key);
      if (value.subject) await this.referrers.remove(repository, value.subject, digest, value.data);
      await this.store.delete(keys.data(value.data));
      return;
    }
  }

  /** The live record, touched when it is old and saved when it is condemned; undefined when the manifest is not there. */
  async #keepAlive(
    register: WriteOnceRegister<ManifestRecord>,
    found: Entry<ManifestRecord> | undefined,
  ): Promise<ManifestRecord | undefined> {
    let entry = found;
    while (isServed(entry)) {
      const { value } = entry;
      const at = Date.now();
      if (value.state === "live" && at - value.at < TOUCH_AFTER_MS) return value;
      const touched = await register.replace(entry, { ...value, state: "live", at });
      if (touched !== undefined) return touched.value;
      entry = await register.read();
    }
    return undefined;
  }

  /** @returns undefined when another writer was first, or a collector took this one for dead: look again */
  async #create(
    repository: string,
    received: ReceivedManifest,
    before: Entry<ManifestRecord> | undefined,
    sparse: boolean,
  ): Promise<ManifestRecord | undefined> {
    const register = this.#register(repository, received.digest);
    const data = randomUUID();
    const pending = await register.replace(before, recordOf(received, data, claimsOf(before?.value)));
    if (pending === undefined) return undefined;
    try {
      await this.store.put(keys.data(data), received.bytes);
      await this.#checkReferences(repository, received, sparse);
    } catch (error) {
      await this.#withdraw(register, data);
      throw error;
    }
    let entry: Entry<ManifestRecord> | undefined = pending;
    // What is no longer claimed may be collected at any time, and never be used again.
    while (entry !== undefined && claimsOf(entry.value).includes(data)) {
      if (entry.value.state === "live") return entry.value;
      const live: ManifestRecord = { ...recordOf(received, data, []), state: "live" };
      if (await this.#makeLive(register, entry, live, received)) return live;
      entry = await register.read();
    }
    await this.store.delete(keys.data(data));
    return undefined;
  }

  async #makeLive(
    register: WriteOnceRegister<ManifestRecord>,
    before: Entry<ManifestRecord>,
    value: ManifestRecord,
    { digest, mediaType, bytes }: ReceivedManifest,
  ): Promise<boolean> {
    const stored = await this.#cache.change(register.key, async () => {
      const live = await register.replace(before, value);
      if (live === undefined) return undefined;
      this.#put.set(register.key, live);
      return { digest, mediaType, bytes };
    });
    return stored !== undefined;
  }

  /** Afresh; in one look where it is still what this process made of it. */
  async #read(register: WriteOnceRegister<ManifestRecord>): Promise<Entry<ManifestRecord> | undefined> {
    return await register.read(this.#put.get(register.key));
  }

  /** The bytes go once nothing claims them any more; where that cannot be written down they are left to the collector. */
  async #withdraw(register: WriteOnceRegister<ManifestRecord>, data: string): Promise<void> {
    try {
      for (;;) {
        const entry = await register.read();
        const claims = claimsOf(entry?.value);
        if (entry === undefined || !claims.includes(data)) break;
        if (entry.value.state !== "pending") return;
        const [next, ...others] = claims.filter((claimed) => claimed !== data);
        const rest: ManifestRecord =
          next === undefined
            ? { ...entry.value, state: "aborted", refs: [], others: [], at: Date.now() }
            : { ...entry.value, data: next, others };
        if (await register.replace(entry, rest)) break;
      }
      await this.store.delete(keys.data(data));
    } catch (error) {
      if (!isBerthError(error)) throw error;
    }
  }

  /** Saves from a collector what the manifest names and is there. @throws BerthError MANIFEST_BLOB_UNKNOWN unless `sparse` */
  async #checkReferences(repository: string, received: ReceivedManifest, sparse: boolean): Promise<void> {
    const isBlobKept = async (digest: Digest): Promise<boolean> => await this.blobs.isKept(repository, digest);
    const isManifestKept = async (digest: Digest): Promise<boolean> => await this.isKept(repository, digest);
    const enough = sparse ? Infinity : MISSING_TO_NAME;
    const missing = [
      ...(await absentAmong(received.blobs, isBlobKept, enough)),
      ...(await absentAmong(received.manifests, isManifestKept, enough)),
    ];
    if (missing.length === 0 || sparse) {
      // Of what only might be a blob or a manifest nothing is required.
      await absentAmong(received.others, isBlobKept, Infinity);
      await absentAmong(received.others, isManifestKept, Infinity);
      return;
    }
    throw new BerthError(
      "MANIFEST_BLOB_UNKNOWN",
      `the manifest names ${missing.length < MISSING_TO_NAME ? "" : "at least "}${String(missing.length)} blobs or manifests that this repository does not have`,
      { details: { digests: missing } },
    );
  }

  #register(repository: string, digest: Digest): WriteOnceRegister<ManifestRecord> {
    return new WriteOnceRegister(this.store, keys.manifest(repository, digest));
  }
}

/** Those that are not there; the search ends when so many are found that the rest is of no use to anybody. */
async function absentAmong(
  digests: readonly Digest[],
  isThere: (digest: Digest) => Promise<boolean>,
  enough: number,
): Promise<Digest[]> {
  const absent: Digest[] = [];
  for (let i = 0; i < digests.length && absent.length < enough; i += CHECKS_AT_ONCE) {
    const some = digests.slice(i, i + CHECKS_AT_ONCE);
    const there = await Promise.all(some.map(isThere));
    absent.push(...some.filter((_, j) => !there[j]));
  }
  return absent;
}

/** A condemned manifest is served until it is gone. */
function isServed(entry: Entry<ManifestRecord> | undefined): entry is Entry<ManifestRecord> {
  return entry?.value.state === "live" || entry?.value.state === "condemned";
}

function recordOf(received: ReceivedManifest, data: string, others: readonly string[]): ManifestRecord {
  return {
    state: "pending",
    mediaType: received.mediaType,
    data,
    ...(others.length > 0 && { others: others.slice(0, MAX_OTHERS) }),
    size: received.bytes.length,
    refs: [...received.blobs, ...received.manifests, ...received.others],
    ...(received.subject && { subject: received.subject }),
    at: Date.now(),
  };
}

function damagedManifest(digest: Digest): BerthError {
  return new BerthError(
    "STORAGE",
    `the bytes of manifest ${digest} are damaged: berth registry scrub finds what else is`,
  );
}

export function unknownManifest(reference: string): BerthError {
  return new BerthError("MANIFEST_UNKNOWN", "this repository has no such manifest", { details: { reference } });
}
