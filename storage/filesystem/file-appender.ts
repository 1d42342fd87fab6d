import type { FileHandle } from "node:fs/promises";

import type { BerthError } from "../../oci/errors.js";
import { nextBlock } from "./aligned-buffers.js";
import { splitAt } from "./chunk-list.js";
import { EarlyFlush } from "./early-flush.js";
import { storageFault } from "./storage-faults.js";
import { StripedWriter } from "./striped-writer.js";

/** Above this many bytes not yet written the caller waits. With four times as much a hundred pushes take 15 MiB more, and none is faster. */
const HIGH_WATER_BYTES = 256 * 1024;
/** The kernel's IOV_MAX. */
const MAX_VECTOR = 1024;

/** Appends to a file. Chunks that arrive during a write go out in one; those of a large file by stripes. */
export class FileAppender {
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Never rejects. */
  #writing: Promise<void> | undefined;
  #failure: BerthError | undefined;
  readonly #flush: EarlyFlush;
  #striped: StripedWriter | undefined;
  #mayBeStriped = true;

  constructor(
    private readonly file: FileHandle,
    private position: number,
    /** What is beyond is written by stripes. */
    private readonly stripedFrom: number,
  ) {
    this.#flush = new EarlyFlush(file);
  }

  /** As UploadWriter.write. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#queuedBytes += chunk.length;
    this.#queue.push(chunk);
    this.#writing ??= this.#drain();
    return this.#queuedBytes > HIGH_WATER_BYTES ? this.#drained() : undefined;
  }

  /** Resolves when all bytes are in the file, perhaps not yet on the disk. @throws BerthError as `write` */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#striped !== undefined) this.#writing = this.#endStripes(this.#striped);
    await this.#drained();
    this.#mayBeStriped = true;
  }

  /** Lets the disk work while nothing is written. */
  pause(): void {
    this.#flush.begin();
  }

  /** Resolves when all that was written is on the disk. */
  async sync(): Promise<void> {
    await this.#flush.assertWhole();
    await this.file.sync();
  }

  /** What has not been written is of no use. The file is not used any more once this has resolved. */
  async end(): Promise<void> {
    this.#queue = [];
    await this.#writing;
    await this.#striped?.close();
    this.#striped = undefined;
    await this.#flush.ended();
  }

  async #drained(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) await this.#writeAll(this.#queue.splice(0, MAX_VECTOR));
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = undefined;
  }

  async #endStripes(striped: StripedWriter): Promise<void> {
    this.#striped = undefined;
    try {
      if (this.#failure === undefined) await striped.flush();
    } catch (error) {
      this.#fail(error);
    }
    await striped.close().catch((error: unknown) => {
      this.#fail(error);
    });
    this.#writing = undefined;
  }

  /** The next call is told. */
  #fail(error: unknown): void {
    this.#failure ??= storageFault(error, "writing an upload");
    this.#queue = [];
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    if (this.#striped === undefined && this.#mayBeStriped) {
      const start = nextBlock(Math.max(this.stripedFrom, this.position));
      const [head, tail] = splitAt(chunks, start - this.position);
      await this.#writeThroughCache(head);
      rest = tail;
      if (tail.length > 0) await this.#beginStripes();
    }
    if (this.#striped === undefined) return await this.#writeThroughCache(rest);
    for (const chunk of rest) {
      await this.#striped.write(chunk);
      this.#wrote(chunk.length);
    }
  }

  /** Where it cannot be done it is not tried again for each chunk. */
  async #beginStripes(): Promise<void> {
    this.#mayBeStriped = false;
    this.#striped = await StripedWriter.begin(this.file, this.position, this.#flush);
  }

  async #writeThroughCache(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.file.writev(rest, this.position);
      this.#wrote(bytesWritten);
      this.#flush.wrote(bytesWritten);
      // It may write less than it was given (a disk that fills).
      [, rest] = splitAt(rest, bytesWritten);
    }
  }

  #wrote(bytes: number): void {
    this.position += bytes;
    this.#queuedBytes -= bytes;
  }
}
