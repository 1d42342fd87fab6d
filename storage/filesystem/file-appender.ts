import type { FileHandle } from "node:fs/promises";

import type { BerthError } from "../../oci/errors.js";
import { nextBlock } from "./aligned-buffers.js";
import { splitAt } from "./chunk-list.js";
import { DirectWriter } from "./direct-writer.js";
import { EarlyFlush } from "./early-flush.js";
import { storageFault } from "./storage-faults.js";

/** Above this many bytes not yet written the caller waits. With four times as much a hundred pushes take 15 MiB more, and none is faster. */
const HIGH_WATER_BYTES = 256 * 1024;
/** The kernel's IOV_MAX. */
const MAX_VECTOR = 1024;

/** Appends to a file. Chunks that arrive during a write go out in one; those of a large file go around the page cache. */
export class FileAppender {
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Never rejects. */
  #writing: Promise<void> | undefined;
  #failure: BerthError | undefined;
  readonly #flush: EarlyFlush;
  #direct: DirectWriter | undefined;
  #mayBeDirect = true;

  constructor(
    private readonly file: FileHandle,
    private position: number,
    /** What is beyond goes around the page cache. */
    private readonly directFrom: number,
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
    if (this.#direct !== undefined) this.#writing = this.#endDirect(this.#direct);
    await this.#drained();
    this.#mayBeDirect = true;
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
    await this.#direct?.close();
    this.#direct = undefined;
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

  async #endDirect(direct: DirectWriter): Promise<void> {
    this.#direct = undefined;
    try {
      if (this.#failure === undefined) await direct.flush();
    } catch (error) {
      this.#fail(error);
    }
    await direct.close().catch((error: unknown) => {
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
    if (this.#direct === undefined && this.#mayBeDirect) {
      const start = nextBlock(Math.max(this.directFrom, this.position));
      const [head, tail] = splitAt(chunks, start - this.position);
      await this.#writeThroughCache(head);
      rest = tail;
      if (tail.length > 0) await this.#beginDirect();
    }
    if (this.#direct === undefined) return await this.#writeThroughCache(rest);
    for (const chunk of rest) {
      await this.#direct.write(chunk);
      this.#wrote(chunk.length);
    }
  }

  /** Where it cannot be done it is not tried again for each chunk. */
  async #beginDirect(): Promise<void> {
    this.#mayBeDirect = false;
    this.#direct = await DirectWriter.begin(this.file, this.position);
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
