import type { Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { keys } from "../storage/key-tree.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";

/**
 * adopted: the pointer names the foreign bytes, now or since before. present: the registry has the blob in its own place.
 * collected: the bytes were adopted once and given up; a collector may be about to delete them, so nothing may point to them
 * again.
 */
export type Adoption = "adopted" | "present" | "collected";

/** Points to bytes that lie in the store under a name that is not the registry's. No byte is read or copied. */
export async function adoptBlob(store: ObjectStore, digest: Digest, key: string, size: number): Promise<Adoption> {
  const register = new WriteOnceRegister<BlobPointer>(store, keys.blob(digest));
  for (;;) {
    const before = await register.read();
    if (before !== undefined) {
      const { state, data } = before.value;
      if (state === "live" || state === "condemned") return data === key ? "adopted" : "present";
      // Of several generations only one can have been the foreign one, and it is not known to have been another.
      if (state === "tombstone") return "collected";
    }
    // Who is about to push the same blob finds it there, and drops what it brought.
    if (await register.replace(before, { state: "live", data: key, size, at: Date.now() })) return "adopted";
  }
}
