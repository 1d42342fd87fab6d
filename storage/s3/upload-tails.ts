import { randomUUID } from "node:crypto";

import type { LateDeletions } from "./late-deletions.js";
import type { S3Bucket } from "./s3-bucket.js";
import type { StoredTail, UploadState } from "./upload-state.js";

/** Of the driver's own objects: no key of the store begins with a dot, and no listing shows these. */
export const TAILS = ".parts/";

/**
 * The remainders of one upload that were put into objects. Each is a new object, because the state that names the one before
 * may still be in force: that one goes when the next but one is there, or with the upload.
 */
export class UploadTails {
  readonly #keys = new Set<string>();
  /** What the last state names. */
  #inForce: string | undefined;
  #former: string | undefined;

  constructor(
    private readonly bucket: S3Bucket,
    private readonly deletions: LateDeletions,
    resumed?: Pick<UploadState, "tail" | "formerTail">,
  ) {
    this.#inForce = resumed?.tail?.key;
    this.#former = resumed?.formerTail;
    for (const key of [this.#inForce, this.#former]) if (key !== undefined) this.#keys.add(key);
  }

  async write(bytes: Uint8Array): Promise<StoredTail> {
    const key = TAILS + randomUUID();
    await this.bucket.put(key, bytes);
    this.#keys.add(key);
    return { key, size: bytes.length };
  }

  /** @throws BerthError OBJECT_UNKNOWN */
  async read({ key }: StoredTail): Promise<AsyncIterable<Uint8Array>> {
    return (await this.bucket.open(key)).chunks;
  }

  /** The tail of the last state is still there, or that state has none. */
  async isInForce(): Promise<boolean> {
    return this.#inForce === undefined || (await this.bucket.head(this.#inForce)) !== undefined;
  }

  /** A state is given out that names `tail`. Returns what it must name besides. */
  enact(tail: StoredTail | undefined): { formerTail?: string } {
    if (tail?.key !== this.#inForce) {
      this.#former = this.#inForce;
      this.#inForce = tail?.key;
    }
    this.dropUnnamed();
    return this.#former === undefined ? {} : { formerTail: this.#former };
  }

  /** What no state names. */
  dropUnnamed(): void {
    this.#drop([...this.#keys].filter((key) => key !== this.#inForce && key !== this.#former));
  }

  dropAll(): void {
    this.#drop([...this.#keys]);
  }

  /** At once: nobody may go on from a state that names one. */
  async deleteAll(): Promise<void> {
    for (const key of this.#keys) {
      await this.bucket.delete(key);
      this.#keys.delete(key);
    }
  }

  /** Nothing reads them any more, so nobody waits. */
  #drop(keys: readonly string[]): void {
    this.deletions.add(keys);
    for (const key of keys) this.#keys.delete(key);
  }
}
