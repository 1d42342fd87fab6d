import { randomUUID } from "node:crypto";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { AdoptedBytes } from "../collector/adopted-bytes.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { keys, repositoryOfPrefix } from "../storage/key-tree.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";

/** Who could serve a blob when it was found damaged, for when it is whole again. */
export interface QuarantineRecord {
  readonly digest: Digest;
  /** keys.data of the damaged bytes */
  readonly data: string;
  readonly why: string;
  readonly at: number;
  readonly repositories: readonly string[];
}

/**
 * Takes what is damaged out of service as a collector does: the pointer becomes a tombstone by compare-and-swap, so nothing
 * is served, no push takes it for there, and the next push makes it whole. The damaged bytes are kept under quarantine/.
 */
export class Quarantine {
  constructor(private readonly store: ObjectStore) {}

  /** False when the pointer no longer names `data`: somebody was faster. */
  async takeBlob(digest: Digest, data: string, why: string): Promise<boolean> {
    const register = new WriteOnceRegister<BlobPointer>(this.store, keys.blob(digest));
    const entry = await register.read();
    if (entry?.value.data !== data || !isServed(entry.value)) return false;
    const repositories = await this.#holdersOf(digest, entry.value);
    // Before the tombstone: else a collector could be faster with the links, or this process be killed in between.
    const record: QuarantineRecord = { digest, data, why, at: Date.now(), repositories };
    await this.store.put(keys.quarantined(digest, data), Buffer.from(JSON.stringify(record)));
    await this.#keepBytes(digest, data);
    for (let before = entry; ;) {
      const gone = await register.replace(before, { ...before.value, state: "tombstone", at: Date.now() });
      if (gone !== undefined) break;
      const now = await register.read();
      if (now?.value.data !== data || !isServed(now.value)) {
        await this.store.delete(keys.quarantinedBytes(digest, data));
        await this.store.delete(keys.quarantined(digest, data));
        return false;
      }
      before = now;
    }
    if (!(await new AdoptedBytes(this.store).areShared(data))) await this.store.delete(keys.data(data));
    return true;
  }

  /**
   * The record goes back to a push that has not come to its end: the manifest is not served, and what it names stays for a
   * grace time, so that who pushes the manifest again need not push its layers.
   */
  async takeManifest(repository: string, digest: Digest, data: string): Promise<boolean> {
    const register = new WriteOnceRegister<ManifestRecord>(this.store, keys.manifest(repository, digest));
    for (;;) {
      const entry = await register.read();
      if (entry?.value.data !== data || !isServed(entry.value)) return false;
      const unserved: ManifestRecord = { ...entry.value, state: "pending", data: randomUUID(), at: Date.now() };
      if ((await register.replace(entry, unserved)) === undefined) continue;
      await this.#keepBytes(digest, data);
      await this.store.delete(keys.data(data));
      return true;
    }
  }

  /** Best effort: bytes that cannot be read, or for which there is no room, are not kept. */
  async #keepBytes(digest: Digest, data: string): Promise<void> {
    try {
      const body = await this.store.open(keys.data(data));
      const writer = await this.store.openUpload(keys.quarantinedBytes(digest, data));
      try {
        for await (const chunk of body.chunks) await writer.write(Buffer.from(chunk));
        await writer.complete();
      } catch (error) {
        await writer.abort();
        throw error;
      }
    } catch (error) {
      if (!isBerthError(error, "OBJECT_UNKNOWN", "STORAGE", "UNAVAILABLE", "NO_SPACE", "ALREADY_EXISTS")) throw error;
    }
  }

  async #holdersOf(digest: Digest, { data, size }: BlobPointer): Promise<string[]> {
    const holders: string[] = [];
    for (const prefix of await listAllPrefixes(this.store, `${keys.repositories}/`)) {
      const name = repositoryOfPrefix(prefix);
      if (await this.store.stat(keys.blobLink(name, digest, data, size))) holders.push(name);
    }
    return holders;
  }
}

function isServed({ state }: { readonly state: string }): boolean {
  return state === "live" || state === "condemned";
}

/** @throws BerthError STORAGE for what is none */
export function parseQuarantineRecord(bytes: Buffer): QuarantineRecord {
  try {
    return JSON.parse(bytes.toString()) as QuarantineRecord;
  } catch (cause) {
    throw new BerthError("STORAGE", "a record of the quarantine is damaged: it is not JSON", { cause });
  }
}
