import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import type { ObjectBody } from "../object-store.js";
import { nextBlock } from "./aligned-buffers.js";
import { readAhead } from "./read-ahead.js";
import { giveBackBuffers, takeBuffers } from "./read-buffers.js";
import { STRIPE_BYTES, StripedFile } from "./striped-file.js";

/** So many stripes are read ahead that the disk has two to do while one comes from memory and one is sent. */
const STRIPES_AHEAD = 6;

/** Reads `length` bytes of the file from `start`. Closes the handle at the end of the iteration or on `close`. */
export class FileBody implements ObjectBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  #closed = false;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
    private readonly start: number,
    private readonly length: number,
    /** What is beyond is read by stripes. */
    private readonly stripedFrom: number,
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
    const from = Math.min(end, nextBlock(Math.max(this.stripedFrom, this.start)));
    try {
      yield* this.#readPlainly(this.start, from);
      if (from < end) yield* this.#readStriped(from, end);
    } finally {
      await this.close();
    }
  }

  async *#readPlainly(start: number, end: number): AsyncGenerator<Uint8Array> {
    const buffers = takeBuffers(end - start);
    try {
      yield* readAhead(buffers, start, end, async (buffer, length, position) => {
        const { bytesRead } = await this.file.read(buffer, 0, length, position);
        return bytesRead;
      });
    } finally {
      giveBackBuffers(buffers);
    }
  }

  async *#readStriped(start: number, end: number): AsyncGenerator<Uint8Array> {
    const stripes = Math.ceil((end - start) / STRIPE_BYTES);
    const striped = await StripedFile.open(this.file, constants.O_RDONLY, Math.min(stripes + 1, STRIPES_AHEAD));
    if (striped === undefined) {
      yield* this.#readPlainly(start, end);
      return;
    }
    try {
      yield* readAhead(
        striped.buffers,
        start,
        end,
        async (buffer, length, at) => await striped.read(buffer, length, at),
      );
    } finally {
      await striped.close();
    }
  }
}
