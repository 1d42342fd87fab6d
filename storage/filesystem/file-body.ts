import type { FileHandle } from "node:fs/promises";

import { BerthError } from "../../oci/errors.js";
import type { ObjectBody } from "../object-store.js";
import { giveBackBuffers, takeBuffers } from "./read-buffers.js";
import { storageFault } from "./storage-faults.js";

/** Reads `length` bytes of the file from `start`. Closes the handle at the end of the iteration or on `close`. */
export class FileBody implements ObjectBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  #closed = false;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
    private readonly start: number,
    private readonly length: number,
  ) {
    this.chunks = { [Symbol.asyncIterator]: () => this.#read() };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.file.close();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const end = this.start + this.length;
    const buffers = takeBuffers(this.length);
    const room = buffers[0].length;
    let position = this.start;
    let turn: 0 | 1 = 0;
    const fill = (): Promise<number> | undefined => {
      if (position >= end) return undefined;
      const reading = this.#fill(buffers[turn], position, Math.min(room, end - position));
      // Awaited a turn later; a failure until then must not count as unhandled.
      reading.catch(() => undefined);
      return reading;
    };
    let filling = fill();
    try {
      while (filling !== undefined) {
        const bytes = await filling;
        const full = buffers[turn];
        position += bytes;
        turn = turn === 0 ? 1 : 0;
        filling = fill();
        yield bytes === room ? full : full.subarray(0, bytes);
      }
    } finally {
      await filling?.catch(() => undefined);
      giveBackBuffers(buffers);
      await this.close();
    }
  }

  async #fill(buffer: Buffer, position: number, wanted: number): Promise<number> {
    try {
      const { bytesRead } = await this.file.read(buffer, 0, wanted, position);
      if (bytesRead > 0) return bytesRead;
    } catch (error) {
      throw storageFault(error, "reading an object");
    }
    throw new BerthError("STORAGE", "an object is shorter than it was when it was opened");
  }
}
