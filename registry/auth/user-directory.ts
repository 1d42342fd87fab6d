import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";

import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import { fileStamp } from "../file-stamp.js";
import { parseHtpasswd, type Htpasswd } from "./htpasswd-format.js";

const CHECK_EVERY_MS = 1000;

/** The users of the htpasswd file, which is read again when it has changed. */
export class UserDirectory {
  /** Of a clock that never jumps: else the users of before a correction would be those of now until it is made up for. */
  #checkedAt = performance.now();
  #checking: Promise<void> | undefined;
  /** Of the content; made when first asked for. */
  readonly #fingerprints = new Map<string, string>();

  private constructor(
    private readonly file: string | undefined,
    private readonly log: Logger,
    private stamp: string,
    private content: Htpasswd,
  ) {}

  /** @throws BerthError CONFIG_INVALID when the file cannot be read */
  static async open(file: string | undefined, log: Logger): Promise<UserDirectory> {
    if (file === undefined) return new UserDirectory(file, log, "", { users: new Map(), problems: [] });
    try {
      const stamp = await stampOf(file);
      const directory = new UserDirectory(file, log, stamp, parseHtpasswd(await readFile(file, "utf8")));
      directory.#report();
      return directory;
    } catch (cause) {
      throw new BerthError("CONFIG_INVALID", `auth.htpasswd: ${messageOf(cause)}`, { cause });
    }
  }

  /** The user's bcrypt hash, as of when the file was last looked at. */
  hashOf(name: string): string | undefined {
    return this.content.users.get(name);
  }

  /** Another one when the user's password changes, or the user was removed meanwhile: their hash then has another salt. */
  fingerprintOf(name: string): string | undefined {
    const known = this.#fingerprints.get(name);
    if (known !== undefined) return known;
    const bcryptHash = this.hashOf(name);
    if (bcryptHash === undefined) return undefined;
    const fingerprint = createHash("sha256").update(bcryptHash).digest("base64url").slice(0, 22);
    this.#fingerprints.set(name, fingerprint);
    return fingerprint;
  }

  /** A hash that costs as much as the users' own, for names that are not there. */
  get anyHash(): string | undefined {
    for (const hash of this.content.users.values()) return hash;
    return undefined;
  }

  /** What must be waited for, when the file has not been looked at for a moment. */
  look(): Promise<void> | undefined {
    if (this.#checking !== undefined || this.file === undefined) return this.#checking;
    return performance.now() - this.#checkedAt > CHECK_EVERY_MS ? this.refresh() : undefined;
  }

  /** Resolves when the file has been looked at. A file that cannot be read leaves the users as they were. */
  async refresh(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
  }

  async #check(): Promise<void> {
    if (this.file === undefined) return;
    this.#checkedAt = performance.now();
    try {
      const stamp = await stampOf(this.file);
      if (stamp === this.stamp) return;
      this.content = parseHtpasswd(await readFile(this.file, "utf8"));
      this.#fingerprints.clear();
      this.stamp = stamp;
      this.#report();
    } catch (error) {
      this.log.error({ err: error, file: this.file }, "the htpasswd file cannot be read: the users stay as they were");
    }
  }

  #report(): void {
    const { users, problems } = this.content;
    if (problems.length > 0)
      this.log.warn({ file: this.file, problems }, "lines of the htpasswd file that do not count");
    this.log.info({ file: this.file, users: users.size }, "users read");
  }
}

async function stampOf(file: string): Promise<string> {
  return fileStamp(await stat(file, { bigint: true }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
