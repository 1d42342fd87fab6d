import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hexOf, type Digest } from "../../oci/digest.js";

import { lockFile, removeTree, tryLockFile, type FileLock } from "../../runtime-native/index.js";
import { namesIn, readIfThere } from "./read-if-there.js";
import type { StatePaths } from "./state-paths.js";
import { lockState } from "./store-locks.js";

/**
 * A directory for what is not committed yet, owned by this process as long as it holds the lock inside. What the session
 * is about to rename into overlay2/, or to remove from there, stands in its journal.
 */
export class StagingSession {
  readonly directory: string;
  readonly #paths: StatePaths;
  readonly #lock: FileLock;
  readonly #journal = new Set<string>();

  private constructor(paths: StatePaths, directory: string, lock: FileLock) {
    this.#paths = paths;
    this.directory = directory;
    this.#lock = lock;
  }

  static async begin(paths: StatePaths): Promise<StagingSession> {
    const directory = join(paths.staging, randomBytes(8).toString("hex"));
    // Sweepers are kept out while the directory exists without its lock being held.
    const gate = await lockState(paths, "sessions", "shared");
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return new StagingSession(paths, directory, await lockFile(join(directory, "lock"), "exclusive"));
    } finally {
      gate.release();
    }
  }

  /** The name of a new overlay2 directory. */
  newCacheId(): string {
    const cacheId = randomBytes(32).toString("hex");
    this.note([cacheId]);
    return cacheId;
  }

  /** Should this process die, these overlay2 directories are removed unless a layer on record uses them. */
  note(cacheIds: readonly string[]): void {
    for (const cacheId of cacheIds) this.#journal.add(cacheId);
    writeFileSync(join(this.directory, "journal"), [...this.#journal].join("\n"), { mode: 0o600 });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Renames a file whose bytes are those of the digest, so that it survives this process. @returns its new path */
  markWhole(file: string, digest: Digest): string {
    const whole = this.path(`${hexOf(digest)}.whole`);
    renameSync(file, whole);
    return whole;
  }

  async end(): Promise<void> {
    // Sweepers must not meet a directory whose lock file is gone already.
    const gate = await lockState(this.#paths, "sessions", "shared");
    try {
      await removeTree(this.directory);
    } finally {
      gate.release();
      this.#lock.release();
    }
  }
}

/** A session whose process has died, kept from other sweepers by its lock. */
export interface DeadSession {
  readonly cacheIds: readonly string[];
  readonly wholeBlobs: readonly { readonly digest: Digest; readonly file: string }[];
  end(): Promise<void>;
}

export async function claimDeadSessions(paths: StatePaths): Promise<DeadSession[]> {
  const names = namesIn(paths.staging);
  if (names.length === 0) return [];
  const gate = await lockState(paths, "sessions", "exclusive");
  const dead: DeadSession[] = [];
  try {
    for (const name of namesIn(paths.staging)) {
      const directory = join(paths.staging, name);
      const lock = await tryLockFile(join(directory, "lock"));
      if (lock === undefined) continue;
      const journal = readIfThere(join(directory, "journal")) ?? "";
      dead.push({
        wholeBlobs: namesIn(directory)
          .flatMap((file) => /^([0-9a-f]{64})\.whole$/.exec(file)?.[1] ?? [])
          .map((hex) => ({ digest: `sha256:${hex}`, file: join(directory, `${hex}.whole`) })),
        cacheIds: journal.split("\n").filter((cacheId) => /^[0-9a-f]{64}$/.test(cacheId)),
        end: async () => {
          await removeTree(directory);
          lock.release();
        },
      });
    }
  } finally {
    gate.release();
  }
  return dead;
}
