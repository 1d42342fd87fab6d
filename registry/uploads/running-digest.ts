import { createHash, type Hash } from "node:crypto";

import { finishDigest, type Digest, type DigestAlgorithm } from "../../oci/digest.js";

/** The digest of bytes on their way. Never fed the same byte twice; `copy` is how to come back to an earlier place. */
export class RunningDigest {
  readonly #hash: Hash;
  #size: number;

  constructor(
    readonly algorithm: DigestAlgorithm,
    before?: { readonly hash: Hash; readonly size: number },
  ) {
    this.#hash = before?.hash ?? createHash(algorithm);
    this.#size = before?.size ?? 0;
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  copy(): RunningDigest {
    return new RunningDigest(this.algorithm, { hash: this.#hash.copy(), size: this.#size });
  }

  finish(): Digest {
    return finishDigest(this.#hash, this.algorithm);
  }
}
