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
    return new GrowingFile(handle, tail === undefined ? 0 : await offsetOfTail(handle, tail));
  }

  /** Complete lines that are there now, without their newlines. */
  async *lines(): AsyncGenerator<string> {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    for (;;) {
      const { bytesRead } = await this.handle.read(block, 0, block.length, this.position);
      if (bytesRead === 0) return;
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
async function offsetOfTail(handle: FileHandle, count: number): Promise<number> {
  const { size } = await handle.stat();
  if (count === 0) return size;
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let newlines = 0;
  for (let end = size; end > 0; end -= BLOCK_BYTES) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The newline that ends the last line does not begin another.
      if (block[i] === NEWLINE && start + i !== size - 1 && ++newlines === count) return start + i + 1;
    }
  }
  return 0;
}
