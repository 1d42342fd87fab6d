import { randomUUID } from "node:crypto";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "./blob-store.js";
import { keys } from "./key-tree.js";
import type { ManifestRecord, ReceivedManifest } from "./manifest-record.js";
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

export class ManifestStore {
  readonly #cache: StampedCache<StoredManifest>;

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
    private readonly referrers: ReferrerStore,
  ) {
    this.#cache = new StampedCache(store, CACHE_BYTES, ({ bytes }) => bytes.length + ENTRY_OVERHEAD_BYTES);
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
    const data = randomUUID();
    let written = false;
    for (;;) {
      let entry = await register.read();
      if (entry?.value.state !== "live") {
        if (!written) await this.store.put(keys.data(data), received.bytes);
        written = true;
        const pending = recordOf(received, data);
        entry = await register.replace(entry, pending);
        if (entry === undefined) continue;
        await this.#checkReferences(repository, received, sparse ? undefined : { register, pending: entry });
        if (!(await this.#makeLive(register, pending, entry))) continue;
      }
      const live = await register.read();
      if (written && live?.value.data !== data) await this.store.delete(keys.data(data));
      if (received.subject) await this.referrers.add(repository, received.subject, received.descriptor);
      return;
    }
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
      if (value.subject) await this.referrers.remove(repository, value.subject, digest);
      await this.store.delete(keys.data(value.data));
      return;
    }
  }

  /** True when the manifest is live by this writer or another. False when somebody took it back: start again. */
  async #makeLive(
    register: WriteOnceRegister<ManifestRecord>,
    pending: ManifestRecord,
    published: Entry<ManifestRecord>,
  ): Promise<boolean> {
    let before: Entry<ManifestRecord> | undefined = published;
    // Another writer's pending names the same things (they follow from the digest), so it may be built upon.
    while (before?.value.state === "pending") {
      if (await register.replace(before, { ...pending, state: "live", at: Date.now() })) return true;
      before = await register.read();
    }
    return before?.value.state === "live";
  }

  /** @param required what to take back when something is missing; absent when that does not matter */
  async #checkReferences(
    repository: string,
    received: ReceivedManifest,
    required:
      { readonly register: WriteOnceRegister<ManifestRecord>; readonly pending: Entry<ManifestRecord> } | undefined,
  ): Promise<void> {
    const isKept = async (digest: Digest): Promise<boolean> => await this.blobs.isKept(repository, digest);
    const has = async (digest: Digest): Promise<boolean> => await this.has(repository, digest);
    const enough = required === undefined ? Infinity : MISSING_TO_NAME;
    const missing = [
      ...(await absentAmong(received.blobs, isKept, enough)),
      ...(await absentAmong(received.manifests, has, enough)),
    ];
    // Saved from a collector when they exist; nothing follows when they do not.
    if (missing.length === 0) await absentAmong(received.others, isKept, Infinity);
    if (missing.length === 0 || required === undefined) return;
    const { register, pending } = required;
    await register.replace(pending, { ...pending.value, state: "aborted", refs: [], at: Date.now() });
    await this.store.delete(keys.data(pending.value.data));
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

function recordOf(received: ReceivedManifest, data: string): ManifestRecord {
  return {
    state: "pending",
    mediaType: received.mediaType,
    data,
    size: received.bytes.length,
    refs: [...received.blobs, ...received.manifests, ...received.others],
    ...(received.subject && { subject: received.subject }),
    at: Date.now(),
  };
}

export function unknownManifest(reference: string): BerthError {
  return new BerthError("MANIFEST_UNKNOWN", "this repository has no such manifest", { details: { reference } });
}
