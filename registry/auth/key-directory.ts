import { chmod, mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Logger } from "pino";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { syncDirectory } from "../../storage/filesystem/directories.js";
import type { KeyVault } from "./key-vault.js";

const FILE = /^([A-Za-z0-9_-]{1,64})\.json$/;

/** A directory with a file for each key, for its owner alone. */
export class KeyDirectory implements KeyVault {
  private constructor(
    readonly place: string,
    private readonly log: Logger,
  ) {}

  /** @throws BerthError STORAGE, PRIVILEGE */
  static async open(directory: string, log: Logger): Promise<KeyDirectory> {
    try {
      if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined) await chmod(directory, 0o700);
    } catch (error) {
      throw faultOf(error, directory);
    }
    return new KeyDirectory(directory, log);
  }

  async list(): Promise<readonly string[]> {
    try {
      return (await readdir(this.place)).flatMap((file) => FILE.exec(file)?.[1] ?? []);
    } catch (error) {
      throw faultOf(error, this.place);
    }
  }

  async read(kid: string): Promise<Buffer | undefined> {
    const file = this.#fileOf(kid);
    try {
      const bytes = await readFile(file);
      if (((await stat(file)).mode & 0o007) !== 0) {
        this.log.warn({ file }, "everybody on this host can read a key that signs tokens: chmod 600");
      }
      return bytes;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw faultOf(error, file);
    }
  }

  async create(kid: string, bytes: Uint8Array): Promise<void> {
    const file = this.#fileOf(kid);
    const staged = `${file}.new`;
    try {
      const handle = await open(staged, "wx", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(staged, file);
      await syncDirectory(this.place);
    } catch (error) {
      await rm(staged, { force: true }).catch(() => undefined);
      throw faultOf(error, file);
    }
  }

  async remove(kid: string): Promise<void> {
    try {
      await rm(this.#fileOf(kid), { force: true });
    } catch (error) {
      throw faultOf(error, this.#fileOf(kid));
    }
  }

  #fileOf(kid: string): string {
    return join(this.place, `${kid}.json`);
  }
}

function faultOf(cause: unknown, path: string): BerthError {
  const denied = ["EACCES", "EPERM", "EROFS"].includes(errnoOf(cause) ?? "");
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BerthError(denied ? "PRIVILEGE" : "STORAGE", `the key that signs tokens, ${path}: ${message}`, { cause });
}
