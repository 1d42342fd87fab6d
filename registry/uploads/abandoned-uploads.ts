import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, lastComponentOf } from "../storage/key-tree.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import type { UploadRecord } from "./upload-record.js";

export interface AbandonedUpload {
  readonly id: string;
  readonly repository: string;
  /** Bytes received. */
  readonly size: number;
}

/** The sessions that `UploadRegistry.expire` would end, but for those whose records cannot be read. */
export async function abandonedUploads(store: ObjectStore, ageMs: number): Promise<AbandonedUpload[]> {
  const abandoned: AbandonedUpload[] = [];
  for (const prefix of await listAllPrefixes(store, `${keys.uploads}/`)) {
    const id = lastComponentOf(prefix.slice(0, -1));
    try {
      const record = (await new WriteOnceRegister<UploadRecord>(store, keys.upload(id)).read())?.value;
      if (record === undefined || record.state === "ended" || Date.now() - record.at < ageMs) continue;
      abandoned.push({ id, repository: record.repository, size: record.size });
    } catch (error) {
      if (!isBerthError(error, "STORAGE")) throw error;
    }
  }
  return abandoned;
}
