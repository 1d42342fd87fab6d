import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";

import { digestOf, algorithmOf, type Digest } from "../../oci/digest.js";
import { BerthError, errnoOf } from "../../oci/errors.js";
import type { ContentStore } from "./local-store-contract.js";
import type { StatePaths } from "./state-paths.js";

export class FileContentStore implements ContentStore {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  path(digest: Digest): string {
    return this.#paths.blob(digest);
  }

  has(digest: Digest): boolean {
    return this.size(digest) !== undefined;
  }

  size(digest: Digest): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size;
  }

  read(digest: Digest): Buffer {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.path(digest));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") throw unknown(digest);
      throw error;
    }
    if (digestOf(bytes, algorithmOf(digest)) !== digest) {
      throw new BerthError("STORAGE", `${this.path(digest)} is damaged: its bytes have another digest`);
    }
    return bytes;
  }

  open(digest: Digest, start = 0): Readable {
    if (!this.has(digest)) throw unknown(digest);
    return createReadStream(this.path(digest), { start, highWaterMark: 256 * 1024 });
  }

  /** Takes over a file whose digest the caller has verified; durable once the caller has synced the filesystem. */
  adopt(file: string, digest: Digest): void {
    const target = this.path(digest);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    renameSync(file, target);
  }

  /** A missing one is no error. */
  remove(digest: Digest): void {
    rmSync(this.path(digest), { force: true });
  }
}

function unknown(digest: Digest): BerthError {
  return new BerthError("BLOB_UNKNOWN", `the local content store has no ${digest}`);
}
