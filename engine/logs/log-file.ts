import { open, type FileHandle } from "node:fs/promises";

import { errnoOf } from "../../oci/errors.js";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Reads lines of a file that may grow, from a byte offset on; keeps what follows the last newline for later. */
export class GrowingFile {
  #rest = Buffer.alloc(0);

  private constructor(
    private readonly handle: FileHandle,
    private position: number,
    /** How many of the lines that were asked for it begins with; 0 when all of them were. */
    readonly tailLines: number,
  ) {}

  /** @param tail how many of the last lines to begin with. @returns undefined where there is no such file */
  static async open(path: string, tail: number | undefined): Promise<GrowingFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const { offset, lines } = tail === undefined ? { offset: 0, lines: 0 } : await findTail(handle, tail);
    return new GrowingFile(handle, offset, lines);
  }

  /** Complete lines that are there now, without their newlines. */
  async *lines(): AsyncGenerator<string> {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    for (;;) {
      const { bytesRead } = await this.handle.read(block, 0, block.length, this.position);
      if (bytesRead === 0) {
        if ((await this.handle.stat()).size >= this.position) return;
        // A log of one file is emptied when it is full.
        this.position = 0;
        this.#rest = Buffer.alloc(0);
        continue;
      }
      this.position += bytesRead;
      const bytes = Buffer.concat([this.#rest, block.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        yield bytes.toString("utf8", start, end);
        start = end + 1;
      }
      this.#rest = Buffer.from(bytes.subarray(start));
    }
  }

  /** Of the file that is open: a rotated log has another. */
  async inode(): Promise<number> {
    return (await this.handle.stat()).ino;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** Where the last `count` lines begin, looked for from the end so that a large log is not read. */
async function findTail(handle: FileHandle, count: number): Promise<{ offset: number; lines: number }> {
  const { size } = await handle.stat();
  if (count === 0) return { offset: size, lines: 0 };
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let newlines = 0;
  for (let end = size; end > 0; end -= BLOCK_BYTES) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The newline that ends the last line does not begin another.
      if (block[i] === NEWLINE && start + i !== size - 1 && ++newlines === count) {
        return { offset: start + i + 1, lines: count };
      }
    }
  }
  return { offset: 0, lines: size === 0 ? 0 : newlines + 1 };
}
