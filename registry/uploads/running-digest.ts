import { createHash, type Hash } from "node:crypto";

import { finishDigest, type Digest, type DigestAlgorithm } from "../../oci/digest.js";

/** The digest of bytes on their way. Never fed the same byte twice, never rewound. */
export class RunningDigest {
  readonly #hash: Hash;
  #size = 0;

  constructor(readonly algorithm: DigestAlgorithm) {
    this.#hash = createHash(algorithm);
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  finish(): Digest {
    return finishDigest(this.#hash, this.algorithm);
  }
}
