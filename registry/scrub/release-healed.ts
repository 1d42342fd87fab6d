import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { keys } from "../storage/key-tree.js";
import { listAllKeys } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { parseQuarantineRecord } from "./quarantine.js";

/**
 * For every blob of the quarantine that somebody has pushed again: each repository that could serve it before is given it
 * back, and the damaged bytes go.
 * @returns how many repositories were given a blob
 */
export async function releaseHealed(store: ObjectStore): Promise<number> {
  let repaired = 0;
  for (const key of await listAllKeys(store, `${keys.quarantineRecords}/`)) {
    const bytes = await get(store, key);
    // Another scrub was faster.
    if (bytes === undefined) continue;
    const { digest, data, repositories } = parseQuarantineRecord(bytes);
    const pointer = (await new WriteOnceRegister<BlobPointer>(store, keys.blob(digest)).read())?.value;
    if (pointer?.state !== "live" || pointer.data === data) continue;
    for (const repository of repositories) {
      const link = keys.blobLink(repository, digest, pointer.data, pointer.size);
      if (await store.stat(link)) continue;
      await store.put(link, Buffer.alloc(0));
      repaired++;
    }
    await store.delete(keys.quarantinedBytes(digest, data));
    await store.delete(key);
  }
  return repaired;
}

async function get(store: ObjectStore, key: string): Promise<Buffer | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
    throw error;
  }
}
