import type { Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { CompactTable } from "../collector/compact-table.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { keys, type BlobLinkName } from "../storage/key-tree.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";

/** What is known of a blob: nothing at all, that it has gone, or which bytes it is. */
export type BlobKnowledge = "unknown" | "gone" | Pick<BlobPointer, "data" | "size">;

/**
 * Which bytes are served as which blob. A blob is linked to by many repositories and named by many manifests, and each look
 * at its pointer is two requests to a bucket, so one that was seen once in a scrub is not looked at again.
 */
export class ServedBlobs {
  readonly #seen = new CompactTable();

  constructor(private readonly store: ObjectStore) {}

  /** They were seen to be those of the blob, and in force. */
  add(digest: Digest, data: string): void {
    this.#seen.add(`${digest} ${data}`);
  }

  /** The link is to bytes that were seen in force. */
  hasSeen({ digest, data }: BlobLinkName): boolean {
    return this.#seen.has(`${digest} ${data}`);
  }

  /** Reads the pointer afresh. */
  async look(digest: Digest): Promise<BlobKnowledge> {
    const pointer = (await new WriteOnceRegister<BlobPointer>(this.store, keys.blob(digest)).read())?.value;
    if (pointer === undefined) return "unknown";
    if (pointer.state !== "live" && pointer.state !== "condemned") return "gone";
    this.add(digest, pointer.data);
    return pointer;
  }
}
