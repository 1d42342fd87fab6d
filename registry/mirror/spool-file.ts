import { randomUUID } from "node:crypto";
import { mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";

const HIGH_WATER_BYTES = 1024 * 1024;
/** The kernel's IOV_MAX. */
const MAX_VECTOR = 1024;

/**
 * A blob's bytes while they arrive, readable by any number of clients at their own speed, whatever the store can do (S3 gives
 * no byte of an unfinished upload). It has no name once it is open, so a killed process leaves nothing.
 */
export class SpoolFile {
  #size = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: BerthError | undefined;
  /** Called when more can be read. */
  onGrowth: () => void = () => undefined;

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

  /** How many bytes can be read. */
  get size(): number {
    return this.#size;
  }

  /**
   * For one writer. Takes the chunk, which must not be changed any more; what comes while something is being written goes out
   * with one call. Returns a promise when the caller should wait. @throws BerthError STORAGE, NO_SPACE
   */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#writing ??= this.#drain();
    return this.#queuedBytes > HIGH_WATER_BYTES ? this.settled() : undefined;
  }

  /** Resolves when everything can be read that was appended. @throws BerthError STORAGE, NO_SPACE */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Fills at most `length` bytes of the buffer from what was appended at `position`. @returns how many */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const { bytesRead } = await this.file.read(buffer, 0, length, position);
    return bytesRead;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.file.close();
  }

  /** Never rejects: what goes wrong is kept for the next call. */
  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const chunks = this.#queue;
        this.#queue = [];
        this.#queuedBytes = 0;
        await this.#writeAll(chunks);
        this.onGrowth();
      }
    } catch (error) {
      this.#failure = spoolFault(error);
      this.#queue = [];
    }
    this.#writing = undefined;
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    for (let i = 0; i < chunks.length; i += MAX_VECTOR) {
      const some = chunks.slice(i, i + MAX_VECTOR);
      const total = some.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await this.file.writev(some, this.#size);
      // A disk that fills up takes a part; the rest then fails or fits by itself.
      if (bytesWritten < total)
        await this.#writeRest(Buffer.concat(some).subarray(bytesWritten), this.#size + bytesWritten);
      this.#size += total;
    }
  }

  async #writeRest(rest: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < rest.length;) {
      written += (await this.file.write(rest, written, rest.length - written, position + written)).bytesWritten;
    }
  }
}

function spoolFault(cause: unknown): BerthError {
  const errno = errnoOf(cause) ?? String(cause);
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  return new BerthError(full ? "NO_SPACE" : "STORAGE", `the spool of blobs that are being fetched: ${errno}`, {
    cause,
  });
}
