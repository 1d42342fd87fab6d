import { blobClaimsOf, type BlobPointer } from "../storage/blob-store.js";
import { blobLinkOfKey, keys, lastComponentOf, referrerOfKey, repositoryOfPrefix } from "../storage/key-tree.js";
import { claimsOf, type ManifestRecord } from "../storage/manifest-record.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { eachAtOnce } from "../at-once.js";
import type { Collection } from "./collection.js";
import { DeletionBatch } from "./deletion-batch.js";
import { keysBelow, partsOf } from "./register-scan.js";

const PARTS_AT_ONCE = 4;
const LOOKS_AT_ONCE = 16;
const DELETIONS_AT_ONCE = 16;

/** To be done before any register is read: bytes that come later are not this run's. */
export async function listData(collection: Collection): Promise<void> {
  const { store } = collection;
  await eachAtOnce(await partsOf(store, `${keys.allData}/`, 1), PARTS_AT_ONCE, async (part) => {
    for await (const key of keysBelow(store, part)) collection.addPresent(lastComponentOf(key));
    collection.assertWanted();
  });
}

/** Deletes the bytes that were there before the registers were read, and that none of them claims. */
export async function deleteGarbage(collection: Collection): Promise<void> {
  const { store } = collection;
  const batch = new DeletionBatch(collection);
  await eachAtOnce(await partsOf(store, `${keys.allData}/`, 1), PARTS_AT_ONCE, async (part) => {
    await eachAtOnce(keysBelow(store, part), LOOKS_AT_ONCE / PARTS_AT_ONCE, async (key) => {
      collection.assertWanted();
      const data = lastComponentOf(key);
      if (!collection.isGarbage(data)) return;
      if (!collection.isCounted(data)) {
        const info = await store.stat(key);
        if (info === undefined) return;
        collection.tally.orphans++;
        collection.found({ kind: "upload", name: key, size: info.size }, data);
      }
      await batch.add(key);
    });
  });
  await batch.flush();
  if (collection.isDryRun) return;
  await eachAtOnce(collection.foreign, DELETIONS_AT_ONCE, async ([key, forget]) => {
    collection.assertWanted();
    await store.delete(key);
    await forget();
  });
}

/** Deletes links to blobs and entries of referrers whose generation is gone. */
export async function deleteStaleNames(collection: Collection): Promise<void> {
  const batch = new DeletionBatch(collection);
  await eachAtOnce(keysBelow(collection.store, `${keys.repositories}/`), LOOKS_AT_ONCE, async (key) => {
    collection.assertWanted();
    if (!(await isStale(collection, key))) return;
    collection.tally.staleNames++;
    await batch.add(key);
  });
  await batch.flush();
}

/** What this run knows to be claimed is not looked at again; anything else may have come since. */
async function isStale(collection: Collection, key: string): Promise<boolean> {
  const [top = "", repository = "", kind] = key.split("/");
  if (kind === "blobs") {
    const link = blobLinkOfKey(key);
    if (link === undefined || collection.isClaimed(link.data)) return false;
    if (collection.isBuried(link.data)) return true;
    const pointer = await new WriteOnceRegister<BlobPointer>(collection.store, keys.blob(link.digest)).read();
    return !blobClaimsOf(pointer?.value).includes(link.data);
  }
  if (kind === "referrers") {
    const entry = referrerOfKey(key);
    if (entry === undefined || collection.isClaimed(entry.data)) return false;
    const register = keys.manifest(repositoryOfPrefix(`${top}/${repository}/`), entry.referrer);
    const record = await new WriteOnceRegister<ManifestRecord>(collection.store, register).read();
    return !claimsOf(record?.value).includes(entry.data);
  }
  return false;
}
