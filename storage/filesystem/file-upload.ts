import { constants } from "node:fs";
import { copyFile, open, rm, stat, type FileHandle } from "node:fs/promises";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { UploadWriter } from "../object-store.js";
import { EarlyFlush } from "./early-flush.js";
import { storageFault, unknownObject } from "./storage-faults.js";

/** Above this many bytes not yet written the caller waits. With four times as much a hundred pushes take 15 MiB more, and none is faster. */
const HIGH_WATER_BYTES = 256 * 1024;
/** The kernel's IOV_MAX. */
const MAX_VECTOR = 1024;

interface UploadState {
  readonly file: string;
  readonly size: number;
}

/** Gives the finished file its name, durably, once `synced` has resolved. */
type Publish = (path: string, synced: Promise<void>) => Promise<void>;

/** Writes to a staging file that gets the object's name at the end. Chunks that arrive during a write go out in one. */
export class FileUpload implements UploadWriter {
  #size: number;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #position: number;
  #writing: Promise<void> | undefined;
  #failure: BerthError | undefined;
  #closed = false;
  readonly #flush: EarlyFlush;
  /** Resolves when all bytes are on the disk. */
  #whole: Promise<void> | undefined;

  private constructor(
    private readonly id: string,
    private readonly path: string,
    private readonly file: FileHandle,
    size: number,
    private readonly publish: Publish,
  ) {
    this.#size = size;
    this.#position = size;
    this.#flush = new EarlyFlush(file);
  }

  static async begin(id: string, path: string, publish: Publish): Promise<FileUpload> {
    return new FileUpload(id, path, await open(path, "wx+", 0o640), 0, publish);
  }

  /** What lies beyond the state's size was written by a process that did not live to say so: it is cut off. */
  static async resume(state: string, pathOf: (id: string) => string, publish: Publish): Promise<FileUpload> {
    const { file: id, size } = JSON.parse(state) as UploadState;
    const path = pathOf(id);
    let file: FileHandle;
    try {
      file = await open(path, "r+");
    } catch (error) {
      throw errnoOf(error) === "ENOENT" ? unknownObject(`upload ${id}`) : error;
    }
    try {
      if ((await file.stat()).size < size) throw unknownObject(`upload ${id}`);
      await file.truncate(size);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new FileUpload(id, path, file, size, publish);
  }

  /**
   * As `resume`, in a copy under another ID: a writer of before that is not known to be dead keeps an open file, and no later
   * check would keep it from writing there. It loses the name, and so cannot complete any more.
   */
  static async takeOver(
    state: string,
    id: string,
    pathOf: (id: string) => string,
    publish: Publish,
  ): Promise<FileUpload> {
    const { file: before, size } = JSON.parse(state) as UploadState;
    const path = pathOf(id);
    try {
      await copyFile(pathOf(before), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const upload = await FileUpload.resume(JSON.stringify({ file: id, size }), pathOf, publish);
      await rm(pathOf(before), { force: true });
      return upload;
    } catch (error) {
      await rm(path, { force: true });
      throw errnoOf(error) === "ENOENT" ? unknownObject(`upload ${before}`) : error;
    }
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(new BerthError("STORAGE", "the upload has ended"));
    this.#size += chunk.length;
    this.#queuedBytes += chunk.length;
    this.#queue.push(chunk);
    this.#writing ??= this.#drain();
    return this.#queuedBytes > HIGH_WATER_BYTES ? this.#settled() : undefined;
  }

  async suspend(): Promise<string> {
    await this.#settled();
    this.#flush.begin();
    return JSON.stringify({ file: this.id, size: this.#size } satisfies UploadState);
  }

  async complete(): Promise<void> {
    await this.#settled();
    try {
      if (!(await this.isCurrent())) throw unknownObject(`upload ${this.id}`);
      await this.publish(this.path, this.#whole ?? this.#synced());
      await this.release();
    } catch (error) {
      throw storageFault(error, "completing an upload");
    }
  }

  prepare(): void {
    this.#whole ??= this.#settled().then(async () => await this.#synced());
    // Whoever completes is told.
    this.#whole.catch(() => undefined);
  }

  async isCurrent(): Promise<boolean> {
    try {
      const [own, there] = await Promise.all([this.file.stat(), stat(this.path)]);
      return own.ino === there.ino;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw storageFault(error, "looking at an upload");
    }
  }

  async abort(): Promise<void> {
    this.#queue = [];
    this.#queuedBytes = 0;
    await this.release();
    await rm(this.path, { force: true });
  }

  async release(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#flush.ended();
    await this.#whole?.catch(() => undefined);
    await this.file.close();
  }

  async #synced(): Promise<void> {
    await this.#flush.assertWhole();
    await this.file.sync();
  }

  async #settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Never rejects: what goes wrong is kept for the next call. */
  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const chunks = this.#queue.splice(0, MAX_VECTOR);
        await this.#writeAll(chunks);
      }
    } catch (error) {
      this.#failure = storageFault(error, "writing an upload");
      this.#queue = [];
    }
    this.#writing = undefined;
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.file.writev(rest, this.#position);
      this.#position += bytesWritten;
      this.#queuedBytes -= bytesWritten;
      this.#flush.wrote(bytesWritten);
      rest = without(rest, bytesWritten);
    }
  }
}

/** What is left of `chunks` after their first `bytes`. writev may write less than it was given (a disk that fills). */
function without(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (const [i, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(i + 1)];
    skip -= chunk.length;
  }
  return [];
}
