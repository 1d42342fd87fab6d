import { randomUUID } from "node:crypto";
import { mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";

/**
 * A blob's bytes while they arrive, readable by any number of clients at their own speed, whatever the store can do (S3 gives
 * no byte of an unfinished upload). It has no name once it is open, so a killed process leaves nothing.
 */
export class SpoolFile {
  #size = 0;

  private constructor(private readonly file: FileHandle) {}

  /** @throws BerthError STORAGE, NO_SPACE */
  static async open(directory: string): Promise<SpoolFile> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const path = join(directory, `berth-fetch-${randomUUID()}`);
      const file = await open(path, "wx+", 0o600);
      await unlink(path);
      return new SpoolFile(file);
    } catch (error) {
      throw spoolFault(error);
    }
  }

  /** For one writer, one call at a time. @throws BerthError STORAGE, NO_SPACE */
  async append(chunk: Uint8Array): Promise<void> {
    let written = 0;
    try {
      while (written < chunk.length) {
        const { bytesWritten } = await this.file.write(chunk, written, chunk.length - written, this.#size);
        written += bytesWritten;
        this.#size += bytesWritten;
      }
    } catch (error) {
      throw spoolFault(error);
    }
  }

  /** Fills at most `length` bytes of the buffer from what was appended at `position`. @returns how many */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const { bytesRead } = await this.file.read(buffer, 0, length, position);
    return bytesRead;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

function spoolFault(cause: unknown): BerthError {
  const errno = errnoOf(cause) ?? String(cause);
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  return new BerthError(full ? "NO_SPACE" : "STORAGE", `the spool of blobs that are being fetched: ${errno}`, {
    cause,
  });
}
