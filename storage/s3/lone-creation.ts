import { BerthError } from "../../oci/errors.js";
import type { S3Bucket } from "./s3-bucket.js";

/**
 * Creation on a server that does not look at If-None-Match, for the one process that may use it: creations of one key go one
 * after another, each after a look.
 */
export class LoneCreation {
  /** Of each key, when the last of its creations that have begun is over. */
  readonly #ends = new Map<string, Promise<unknown>>();

  constructor(private readonly bucket: S3Bucket) {}

  /** @throws BerthError ALREADY_EXISTS */
  async create(key: string, bytes: Uint8Array): Promise<void> {
    const creation = (this.#ends.get(key) ?? Promise.resolve()).then(async () => {
      if ((await this.bucket.head(key)) !== undefined) {
        throw new BerthError("ALREADY_EXISTS", `object ${key} exists`);
      }
      await this.bucket.put(key, bytes);
    });
    const end = creation.catch(() => undefined);
    this.#ends.set(key, end);
    try {
      await creation;
    } finally {
      if (this.#ends.get(key) === end) this.#ends.delete(key);
    }
  }
}
