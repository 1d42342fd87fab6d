import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

import { errnoOf } from "../../oci/errors.js";
import { BLOCK_BYTES, giveBackAligned, nextBlock, takeAlignedPair, type AlignedPair } from "./aligned-buffers.js";

/** Where what is beyond is large: it goes around the page cache. */
export const DIRECT_FROM_BYTES = 64 * 1024 * 1024;

/**
 * A file open for O_DIRECT, and memory for it. Moving the bytes of a large file through the page cache costs more than all
 * else that a push does, and pushes out what others are about to read (docs/decisions, "Large blobs go around the page cache").
 */
export class DirectFile {
  private constructor(
    private readonly file: FileHandle,
    /** Of the same file, for what is no whole block and for systems that refuse. */
    private readonly plain: FileHandle,
    readonly buffers: AlignedPair,
  ) {}

  /**
   * @param flags O_RDONLY or O_WRONLY
   * @returns undefined where it cannot be done: the file system has no O_DIRECT, there is no proc(5), all buffers are in use
   */
  static async open(plain: FileHandle, flags: number): Promise<DirectFile | undefined> {
    const buffers = takeAlignedPair();
    if (buffers === undefined) return undefined;
    try {
      // By descriptor: the name may be another file's by now, or nobody's.
      const file = await open(`/proc/self/fd/${String(plain.fd)}`, flags | constants.O_DIRECT);
      return new DirectFile(file, plain, buffers);
    } catch {
      giveBackAligned(buffers);
      return undefined;
    }
  }

  /** As FileHandle.read. `position` begins a block. */
  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    const whole = nextBlock(length);
    const { bytesRead } = await this.#unlessRefused(async (file) => await file.read(buffer, 0, whole, position));
    return Math.min(bytesRead, length);
  }

  /** Writes all of it. `position` begins a block; what is behind the last whole block goes through the page cache. */
  async write(buffer: Buffer, length: number, position: number): Promise<void> {
    const whole = length - (length % BLOCK_BYTES);
    let written = 0;
    if (whole > 0) {
      const wrote = await this.#unlessRefused(async (file) => await file.write(buffer, 0, whole, position));
      written = wrote.bytesWritten;
    }
    // Where less was written than asked for, the next attempt tells why.
    while (written < length) {
      const { bytesWritten } = await this.plain.write(buffer, written, length - written, position + written);
      written += bytesWritten;
    }
  }

  /** Not before all reads and writes have ended. */
  async close(): Promise<void> {
    giveBackAligned(this.buffers);
    await this.file.close();
  }

  /** Some file systems open a file for O_DIRECT and refuse to move blocks of this size. */
  async #unlessRefused<T>(move: (file: FileHandle) => Promise<T>): Promise<T> {
    try {
      return await move(this.file);
    } catch (error) {
      if (errnoOf(error) !== "EINVAL") throw error;
      return await move(this.plain);
    }
  }
}
