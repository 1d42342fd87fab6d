import { algorithmOf, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { RunningDigest } from "../uploads/running-digest.js";
import type { BlobCopy } from "./blob-copy.js";
import type { GrowingBlob } from "./growing-blob.js";

interface TransferLimits {
  readonly digest: Digest;
  /** Bytes. */
  readonly maxSize: number;
}

/** A blob on its way in: from one source, or from one after another, each going on where the one before broke off. */
export class BlobTransfer {
  readonly #running: RunningDigest;
  #copy: BlobCopy | undefined;

  constructor(
    readonly blob: GrowingBlob,
    private readonly limits: TransferLimits,
  ) {
    this.#running = new RunningDigest(algorithmOf(limits.digest));
  }

  get received(): number {
    return this.blob.received;
  }

  /** The copy gets what has come and what will come. */
  async copyTo(copy: BlobCopy): Promise<void> {
    for await (const chunk of this.blob.receivedBytes()) await copy.append(chunk);
    this.#copy = copy;
  }

  /** @param size of the whole, when a source says it. @throws BerthError TOO_LARGE */
  begin(size: number | undefined): void {
    this.#assertSize(size ?? 0);
    this.blob.size ??= size;
  }

  /** Takes the chunk, which must not be changed any more. @throws BerthError TOO_LARGE, STORAGE, NO_SPACE */
  readonly write = async (chunk: Uint8Array): Promise<void> => {
    this.#assertSize(this.blob.received + chunk.length);
    this.#running.update(chunk);
    const [spooled, copied] = [this.blob.append(chunk), this.#copy?.append(chunk)];
    if (spooled !== undefined || copied !== undefined) await Promise.all([spooled, copied]);
  };

  /** Nothing more comes. @param source for messages. @throws BerthError DIGEST_INVALID; STORAGE, NO_SPACE */
  async finish(source: string): Promise<void> {
    const { digest } = this.limits;
    const received = this.#running.finish();
    if (received !== digest) {
      throw new BerthError("DIGEST_INVALID", `${source} sent other bytes than those of ${digest}: ${received}`);
    }
    await this.blob.complete();
  }

  #assertSize(size: number): void {
    const { digest, maxSize } = this.limits;
    if (size <= maxSize) return;
    throw new BerthError("TOO_LARGE", `${digest} is larger than the ${String(maxSize)} bytes of maxBlobSize`);
  }
}
