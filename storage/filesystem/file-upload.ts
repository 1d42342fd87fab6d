import { constants } from "node:fs";
import { copyFile, open, rm, stat, type FileHandle } from "node:fs/promises";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { UploadWriter } from "../object-store.js";
import { FileAppender } from "./file-appender.js";
import { storageFault, unknownObject } from "./storage-faults.js";

interface UploadState {
  readonly file: string;
  readonly size: number;
}

/** Where uploads are written, and what becomes of them. */
export interface UploadPlace {
  readonly pathOf: (id: string) => string;
  /** Gives the finished file its name, durably, once `synced` has resolved. */
  readonly publish: (path: string, synced: Promise<void>) => Promise<void>;
  /** See FileAppender. */
  readonly stripedFrom: number;
}

/** A staging file that gets the object's name at the end. */
export class FileUpload implements UploadWriter {
  #size: number;
  #closed = false;
  readonly #path: string;
  readonly #appender: FileAppender;
  /** Resolves when all bytes are on the disk. */
  #whole: Promise<void> | undefined;

  private constructor(
    private readonly id: string,
    private readonly file: FileHandle,
    size: number,
    private readonly place: UploadPlace,
  ) {
    this.#path = place.pathOf(id);
    this.#size = size;
    this.#appender = new FileAppender(file, size, place.stripedFrom);
  }

  static async begin(id: string, place: UploadPlace): Promise<FileUpload> {
    return new FileUpload(id, await open(place.pathOf(id), "wx+", 0o640), 0, place);
  }

  /** What lies beyond the state's size was written by a process that did not live to say so: it is cut off. */
  static async resume(state: string, place: UploadPlace): Promise<FileUpload> {
    const { file: id, size } = JSON.parse(state) as UploadState;
    let file: FileHandle;
    try {
      file = await open(place.pathOf(id), "r+");
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
    return new FileUpload(id, file, size, place);
  }

  /**
   * As `resume`, in a copy under another ID: a writer of before that is not known to be dead keeps an open file, and no later
   * check would keep it from writing there. It loses the name, and so cannot complete any more.
   */
  static async takeOver(state: string, id: string, place: UploadPlace): Promise<FileUpload> {
    const { file: before, size } = JSON.parse(state) as UploadState;
    const path = place.pathOf(id);
    try {
      await copyFile(place.pathOf(before), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const upload = await FileUpload.resume(JSON.stringify({ file: id, size }), place);
      await rm(place.pathOf(before), { force: true });
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
    if (this.#closed) return Promise.reject(new BerthError("STORAGE", "the upload has ended"));
    this.#size += chunk.length;
    return this.#appender.write(chunk);
  }

  async suspend(): Promise<string> {
    await this.#appender.settled();
    this.#appender.pause();
    return JSON.stringify({ file: this.id, size: this.#size } satisfies UploadState);
  }

  async complete(): Promise<void> {
    await this.#appender.settled();
    try {
      if (!(await this.isCurrent())) throw unknownObject(`upload ${this.id}`);
      await this.place.publish(this.#path, this.#whole ?? this.#appender.sync());
      await this.release();
    } catch (error) {
      throw storageFault(error, "completing an upload");
    }
  }

  prepare(): void {
    this.#whole ??= this.#appender.settled().then(async () => await this.#appender.sync());
    // Whoever completes is told.
    this.#whole.catch(() => undefined);
  }

  async isCurrent(): Promise<boolean> {
    try {
      const [own, there] = await Promise.all([this.file.stat(), stat(this.#path)]);
      return own.ino === there.ino;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw storageFault(error, "looking at an upload");
    }
  }

  async abort(): Promise<void> {
    await this.release();
    await rm(this.#path, { force: true });
  }

  async release(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#appender.end();
    await this.#whole?.catch(() => undefined);
    await this.file.close();
  }
}
