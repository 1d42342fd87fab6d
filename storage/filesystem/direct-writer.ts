import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import { ALIGNED_BYTES } from "./aligned-buffers.js";
import { DirectFile } from "./direct-file.js";

/** Writes what follows in a file around the page cache: one buffer is filled while the other is written. */
export class DirectWriter {
  #turn: 0 | 1 = 0;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: DirectFile,
    /** Where the buffer that is being filled belongs. */
    private position: number,
  ) {}

  /** @param position begins a block. @returns undefined where it cannot be done */
  static async begin(plain: FileHandle, position: number): Promise<DirectWriter | undefined> {
    const file = await DirectFile.open(plain, constants.O_WRONLY);
    return file && new DirectWriter(file, position);
  }

  /** The chunk may be used for something else once this has resolved. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const some = chunk.subarray(taken, taken + ALIGNED_BYTES - this.#filled);
      this.file.buffers[this.#turn].set(some, this.#filled);
      this.#filled += some.length;
      taken += some.length;
      if (this.#filled === ALIGNED_BYTES) await this.#send();
    }
  }

  /** Writes the rest. To be closed nevertheless. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#writing;
  }

  /** What was not flushed is lost. */
  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.file.close();
  }

  async #send(): Promise<void> {
    await this.#writing;
    this.#writing = this.file.write(this.file.buffers[this.#turn], this.#filled, this.position);
    // Whoever sends next is told, or flushes.
    this.#writing.catch(() => undefined);
    this.position += this.#filled;
    this.#filled = 0;
    this.#turn = this.#turn === 0 ? 1 : 0;
  }
}
