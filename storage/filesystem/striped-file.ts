import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

import { errnoOf } from "../../oci/errors.js";
import { ALIGNED_BYTES, BLOCK_BYTES, giveBackAligned, nextBlock, takeAligned } from "./aligned-buffers.js";

/** Where what is beyond is large: it is striped. */
export const STRIPED_FROM_BYTES = 64 * 1024 * 1024;
export const STRIPE_BYTES = ALIGNED_BYTES;

/**
 * Two stripes of five go through the page cache, three around it. A write into new pages of the cache costs more than all else
 * that a push does, and a read that finds nothing there waits for the disk: this way a push pays for less than half of the
 * pages, and whoever reads the file first gets it from memory and from the disk at the same time (docs/decisions, "Large
 * blobs are striped over memory and disk").
 */
export function isCachedStripe(position: number): boolean {
  const stripe = Math.floor(position / STRIPE_BYTES);
  return (stripe * 2) % 5 < 2;
}

/** Counted from `position`. */
export function restOfStripe(position: number): number {
  return STRIPE_BYTES - (position % STRIPE_BYTES);
}

/** A file open for O_DIRECT as well, and memory for it. No read or write crosses the end of a stripe. */
export class StripedFile {
  private constructor(
    private readonly direct: FileHandle,
    /** Of the same file: for stripes in the cache, for what is no whole block, and for systems that refuse. */
    private readonly plain: FileHandle,
    /** Two or more, each as large as a stripe. */
    readonly buffers: readonly Buffer[],
  ) {}

  /**
   * @param flags O_RDONLY or O_WRONLY
   * @param wanted buffers; there may be fewer
   * @returns undefined where it cannot be done: the file system has no O_DIRECT, there is no proc(5), all buffers are in use
   */
  static async open(plain: FileHandle, flags: number, wanted: number): Promise<StripedFile | undefined> {
    const buffers = takeAligned(wanted);
    if (buffers === undefined) return undefined;
    try {
      // By descriptor: the name may be another file's by now, or nobody's.
      const direct = await open(`/proc/self/fd/${String(plain.fd)}`, flags | constants.O_DIRECT);
      return new StripedFile(direct, plain, buffers);
    } catch {
      giveBackAligned(buffers);
      return undefined;
    }
  }

  /** As FileHandle.read. Around the cache only where `buffer` and `position` begin a block. */
  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    if (isCachedStripe(position)) return (await this.plain.read(buffer, 0, length, position)).bytesRead;
    const whole = Math.min(nextBlock(length), buffer.length);
    const { bytesRead } = await this.#unlessRefused(async (file) => await file.read(buffer, 0, whole, position));
    return Math.min(bytesRead, length);
  }

  /**
   * Writes all of it. `position` begins a block; what is behind the last whole block goes through the page cache.
   * @returns how many bytes went through the page cache
   */
  async write(buffer: Buffer, length: number, position: number): Promise<number> {
    const whole = isCachedStripe(position) ? 0 : length - (length % BLOCK_BYTES);
    let written = 0;
    if (whole > 0) {
      const wrote = await this.#unlessRefused(async (file) => await file.write(buffer, 0, whole, position));
      written = wrote.bytesWritten;
    }
    const cached = length - written;
    // Where less was written than asked for, the next attempt tells why.
    while (written < length) {
      const { bytesWritten } = await this.plain.write(buffer, written, length - written, position + written);
      written += bytesWritten;
    }
    return cached;
  }

  /** Not before all reads and writes have ended. */
  async close(): Promise<void> {
    giveBackAligned(this.buffers);
    await this.direct.close();
  }

  /** Some file systems open a file for O_DIRECT and refuse to move blocks of this size. */
  async #unlessRefused<T>(move: (file: FileHandle) => Promise<T>): Promise<T> {
    try {
      return await move(this.direct);
    } catch (error) {
      if (errnoOf(error) !== "EINVAL") throw error;
      return await move(this.plain);
    }
  }
}
