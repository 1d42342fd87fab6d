import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import { BerthError } from "../../oci/errors.js";
import type { ObjectBody } from "../object-store.js";
import { nextBlock } from "./aligned-buffers.js";
import { DirectFile } from "./direct-file.js";
import { giveBackBuffers, takeBuffers } from "./read-buffers.js";
import { storageFault } from "./storage-faults.js";

type ReadAt = (buffer: Buffer, length: number, position: number) => Promise<number>;

/** Reads `length` bytes of the file from `start`. Closes the handle at the end of the iteration or on `close`. */
export class FileBody implements ObjectBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  #closed = false;

  constructor(
    private readonly file: FileHandle,
    readonly size: number,
    private readonly start: number,
    private readonly length: number,
    /** What is beyond is read around the page cache. */
    private readonly directFrom: number,
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
    const from = Math.min(end, nextBlock(Math.max(this.directFrom, this.start)));
    try {
      yield* this.#readPlainly(this.start, from);
      if (from < end) yield* this.#readDirectly(from, end);
    } finally {
      await this.close();
    }
  }

  async *#readPlainly(start: number, end: number): AsyncGenerator<Uint8Array> {
    const buffers = takeBuffers(end - start);
    try {
      yield* inTurns(buffers, start, end, async (buffer, length, position) => {
        const { bytesRead } = await this.file.read(buffer, 0, length, position);
        return bytesRead;
      });
    } finally {
      giveBackBuffers(buffers);
    }
  }

  async *#readDirectly(start: number, end: number): AsyncGenerator<Uint8Array> {
    const direct = await DirectFile.open(this.file, constants.O_RDONLY);
    if (direct === undefined) {
      yield* this.#readPlainly(start, end);
      return;
    }
    try {
      yield* inTurns(direct.buffers, start, end, async (buffer, length, at) => await direct.read(buffer, length, at));
    } finally {
      await direct.close();
    }
  }
}

/** One buffer is filled while the other is sent. No read is under way any more at the end of the iteration. */
async function* inTurns(
  buffers: readonly [Buffer, Buffer],
  start: number,
  end: number,
  readAt: ReadAt,
): AsyncGenerator<Uint8Array> {
  const room = buffers[0].length;
  let position = start;
  let turn: 0 | 1 = 0;
  const fill = (): Promise<number> | undefined => {
    if (position >= end) return undefined;
    const reading = readSome(readAt, buffers[turn], Math.min(room, end - position), position);
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
  }
}

async function readSome(readAt: ReadAt, buffer: Buffer, length: number, position: number): Promise<number> {
  try {
    const bytes = await readAt(buffer, length, position);
    if (bytes > 0) return bytes;
  } catch (error) {
    throw storageFault(error, "reading an object");
  }
  throw new BerthError("STORAGE", "an object is shorter than it was when it was opened");
}
