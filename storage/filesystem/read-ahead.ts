import { BerthError } from "../../oci/errors.js";
import { storageFault } from "./storage-faults.js";

/** As FileHandle.read, into the beginning of the buffer. Resolves to the bytes that were read. */
export type ReadAt = (buffer: Buffer, length: number, position: number) => Promise<number>;

/**
 * Reads from `start` to `end`, in pieces that end where a multiple of the buffers' length does. One buffer is sent while all
 * others are filled. No read is under way any more at the end of the iteration.
 * @param buffers two or more of one length
 * @throws BerthError STORAGE, also for what ends before `end`
 */
export async function* readAhead(
  buffers: readonly Buffer[],
  start: number,
  end: number,
  readAt: ReadAt,
): AsyncGenerator<Uint8Array> {
  const reading: Promise<Uint8Array>[] = [];
  let position = start;
  let turn = 0;
  const readNext = (): void => {
    const buffer = buffers[turn % buffers.length] as Buffer;
    const length = Math.min(buffer.length - (position % buffer.length), end - position);
    if (length === 0) return;
    const piece = readWhole(readAt, buffer, length, position);
    // Awaited later; a failure until then must not count as unhandled.
    piece.catch(() => undefined);
    reading.push(piece);
    position += length;
    turn++;
  };
  for (let i = 1; i < buffers.length; i++) readNext();
  try {
    for (let piece = reading.shift(); piece !== undefined; piece = reading.shift()) {
      const bytes = await piece;
      readNext();
      yield bytes;
    }
  } finally {
    await Promise.allSettled(reading);
  }
}

async function readWhole(readAt: ReadAt, buffer: Buffer, length: number, position: number): Promise<Uint8Array> {
  let read = 0;
  try {
    while (read < length) {
      const bytes = await readAt(buffer.subarray(read), length - read, position + read);
      if (bytes === 0) throw new BerthError("STORAGE", "an object is shorter than it was when it was opened");
      read += bytes;
    }
  } catch (error) {
    throw storageFault(error, "reading an object");
  }
  return length === buffer.length ? buffer : buffer.subarray(0, length);
}
