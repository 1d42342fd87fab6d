import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import type { EarlyFlush } from "./early-flush.js";
import { restOfStripe, StripedFile } from "./striped-file.js";

/** One is filled while the other is written. */
const BUFFERS = 2;

/** Writes what follows in a file stripe by stripe. */
export class StripedWriter {
  #turn = 0;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: StripedFile,
    /** Where the buffer that is being filled belongs. */
    private position: number,
    private readonly early: EarlyFlush,
  ) {}

  /** @param position begins a block. @returns undefined where it cannot be done */
  static async begin(plain: FileHandle, position: number, early: EarlyFlush): Promise<StripedWriter | undefined> {
    const file = await StripedFile.open(plain, constants.O_WRONLY, BUFFERS);
    return file && new StripedWriter(file, position, early);
  }

  /** The chunk may be used for something else once this has resolved. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const room = restOfStripe(this.position) - this.#filled;
      const some = chunk.subarray(taken, taken + room);
      this.#buffer.set(some, this.#filled);
      this.#filled += some.length;
      taken += some.length;
      if (some.length === room) await this.#send();
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

  get #buffer(): Buffer {
    const { buffers } = this.file;
    return buffers[this.#turn % buffers.length] as Buffer;
  }

  async #send(): Promise<void> {
    await this.#writing;
    this.#writing = this.#writeOut(this.#buffer, this.#filled, this.position);
    // Whoever sends next is told, or flushes.
    this.#writing.catch(() => undefined);
    this.position += this.#filled;
    this.#filled = 0;
    this.#turn++;
  }

  async #writeOut(buffer: Buffer, length: number, position: number): Promise<void> {
    this.early.wrote(await this.file.write(buffer, length, position));
  }
}
