import { statSync, writeFile as writeFileBack } from "node:fs";
import { link, open, readFile, rename, rm, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { assertKeyPrefix, assertObjectKey } from "../object-key.js";
import type {
  ByteSpan,
  ListPage,
  ListQuery,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  OpenUploadOptions,
  PutOptions,
  StoreTraits,
  UploadWriter,
} from "../object-store.js";
import { enterDirectory, forgetDirectory, makeDirectory, pruneDirectories, syncDirectory } from "./directories.js";
import { STRIPED_FROM_BYTES } from "./striped-file.js";
import { FileBody } from "./file-body.js";
import { listFiles } from "./file-listing.js";
import { FileUpload, type UploadPlace } from "./file-upload.js";
import { RecentReadings } from "./recent-readings.js";
import { StagingArea } from "./staging-area.js";
import { storageFault, unknownObject } from "./storage-faults.js";

/**
 * A file's times move in steps of a timer tick (10 ms at most). Within this time of a change a second change may carry the
 * same times, so a stamp is given only afterwards.
 */
const STAMP_SETTLES_MS = 50;
/** Takes a third fewer turns than the one of node:fs/promises, which makes a FileHandle for each file. */
const writeFile = promisify(writeFileBack);

/**
 * Objects are files at `<root>/<key>`. Every object is written to a staging file, synced, and then named: by `rename`, or
 * by `link` where only a creation may win, because link fails on a name that exists, for whichever process comes second.
 * The directory is synced before the promise resolves.
 */
export class FilesystemObjectStore implements ObjectStore {
  readonly traits: StoreTraits = { conditionalCreate: true, staleForMs: 0 };
  readonly #readings = new RecentReadings();

  private constructor(
    private readonly root: string,
    private readonly staging: StagingArea,
    private readonly stripedFrom: number,
  ) {}

  /**
   * Makes `root` where it is missing, and sweeps what killed processes left.
   * @param stripedFrom what is beyond so many bytes of an object is striped over memory and disk (striped-file.ts)
   * @throws BerthError STORAGE, NO_SPACE
   */
  static async open(root: string, stripedFrom = STRIPED_FROM_BYTES): Promise<FilesystemObjectStore> {
    const path = resolve(root);
    try {
      forgetDirectory(path);
      await makeDirectory(path, true);
      return new FilesystemObjectStore(path, await StagingArea.open(path), stripedFrom);
    } catch (error) {
      throw storageFault(error, `opening ${path}`);
    }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    const path = this.#pathOf(key);
    const temporary = this.staging.temporaryFile();
    const durable = options.volatile !== true;
    try {
      const written = writeWhole(temporary, bytes, durable);
      await allOf(written, makeDirectory(dirname(path), durable), options.after ?? Promise.resolve());
      await this.#name(temporary, path, durable && options.mayBeLost !== true, options.ifAbsent === true);
    } catch (error) {
      await rm(temporary, { force: true });
      await pruneDirectories(dirname(path), this.root).catch(() => undefined);
      if (errnoOf(error) === "EEXIST" && options.ifAbsent) {
        // The winner may not have synced the name yet, but the caller is going to rely on it.
        if (durable) await syncDirectory(dirname(path)).catch(ignoreMissing);
        throw new BerthError("ALREADY_EXISTS", `object ${key} exists`, { cause: error });
      }
      throw storageFault(error, `writing ${key}`);
    }
  }

  async openUpload(key: string, state?: string, options: OpenUploadOptions = {}): Promise<UploadWriter> {
    const path = this.#pathOf(key);
    const publish = async (file: string, synced: Promise<void>): Promise<void> => {
      try {
        await allOf(synced, makeDirectory(dirname(path), true));
        await this.#name(file, path, true, true);
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
        throw new BerthError("ALREADY_EXISTS", `object ${key} exists`, { cause: error });
      }
    };
    const pathOf = (id: string): string => this.staging.uploadFile(id);
    const place: UploadPlace = { pathOf, publish, stripedFrom: this.stripedFrom };
    try {
      if (state !== undefined && options.contested !== true) return await FileUpload.resume(state, place);
      const id = this.staging.newUploadId();
      if (state !== undefined) return await FileUpload.takeOver(state, id, place);
      return await FileUpload.begin(id, place);
    } catch (error) {
      throw storageFault(error, `opening the upload of ${key}`);
    }
  }

  async get(key: string): Promise<Buffer> {
    try {
      return await readFile(this.#pathOf(key));
    } catch (error) {
      throw this.#isMissing(error) ? unknownObject(key) : storageFault(error, `reading ${key}`);
    }
  }

  async open(key: string, range?: ByteSpan): Promise<ObjectBody> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.#pathOf(key), "r");
      const info = await file.stat();
      if (!info.isFile()) throw unknownObject(key);
      const { start, length } = range ?? { start: 0, length: info.size };
      const isLarge = start + length > this.stripedFrom;
      return new FileBody(
        file,
        info.size,
        start,
        length,
        isLarge && this.#readings.isFirst(key) ? this.stripedFrom : Infinity,
      );
    } catch (error) {
      await file?.close();
      throw this.#isMissing(error) ? unknownObject(key) : storageFault(error, `opening ${key}`);
    }
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    try {
      const info = await stat(this.#pathOf(key));
      return info.isFile() ? { size: info.size, modifiedAt: info.mtimeMs } : undefined;
    } catch (error) {
      if (this.#isMissing(error)) return undefined;
      throw storageFault(error, `looking at ${key}`);
    }
  }

  async list(query: ListQuery): Promise<ListPage> {
    assertKeyPrefix(query.prefix);
    this.staging.assertThere();
    try {
      return await listFiles(this.root, query);
    } catch (error) {
      throw storageFault(error, `listing ${query.prefix}`);
    }
  }

  async delete(key: string): Promise<void> {
    await this.deleteAll([key]);
  }

  async deleteAll(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#pathOf(key));
    try {
      await allOf(...paths.map(async (path) => await unlink(path).catch(ignoreMissing)));
      this.staging.assertThere();
      for (const directory of new Set(paths.map(dirname))) await pruneDirectories(directory, this.root);
    } catch (error) {
      throw storageFault(error, `deleting ${keys.join(", ")}`);
    }
  }

  // Synchronous: one look at an inode that is almost always cached takes 3 us, the way to a thread and back three times that,
  // and this is done for each request by tag.
  async stampOf(key: string): Promise<string | undefined> {
    try {
      const info = statSync(this.#pathOf(key), { throwIfNoEntry: false });
      if (info === undefined || Date.now() - info.ctimeMs < STAMP_SETTLES_MS) return undefined;
      return `${String(info.ino)} ${String(info.ctimeMs)} ${String(info.mtimeMs)} ${String(info.size)}`;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storageFault(error, `looking at ${key}`);
    }
  }

  /** Staging files have no key, so all are taken that are so old. */
  async sweepUploads(ageMs: number): Promise<number> {
    try {
      return await this.staging.sweep(ageMs);
    } catch (error) {
      throw storageFault(error, "looking for abandoned uploads");
    }
  }

  async close(): Promise<void> {
    // Holds no descriptor between calls.
  }

  async #name(file: string, path: string, durable: boolean, createOnly: boolean): Promise<void> {
    const directory = dirname(path);
    await enterDirectory(directory, durable, async () => {
      if (createOnly) await link(file, path);
      else await rename(file, path);
    });
    await allOf(
      createOnly ? unlink(file) : Promise.resolve(),
      // Missing when another process has deleted the object by now and pruned after it.
      durable ? syncDirectory(directory).catch(ignoreMissing) : Promise.resolve(),
    );
  }

  /** @throws BerthError UNAVAILABLE where that says nothing */
  #isMissing(error: unknown): boolean {
    if (!isMissing(error)) return false;
    this.staging.assertThere();
    return true;
  }

  #pathOf(key: string): string {
    assertObjectKey(key);
    return join(this.root, key);
  }
}

/**
 * What must be durable before a name is, in no order of its own: a journal takes what is synced at the same time in one go.
 * Both have ended when the promise settles.
 */
async function allOf(...steps: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(steps)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

async function writeWhole(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  // Of an empty file there is nothing to lose but its name.
  await writeFile(path, bytes, { flag: "wx", mode: 0o640, flush: durable && bytes.length > 0 });
}

function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "EISDIR";
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
