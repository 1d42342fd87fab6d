import { mkdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";

import { hexOf, type Digest } from "../../oci/digest.js";
import { errnoOf } from "../../oci/errors.js";
import { namesIn } from "./read-if-there.js";
import type { StatePaths } from "./state-paths.js";

const KEEP_MS = 24 * 3600_000;

/**
 * Compressed layers of pulls that have failed, for the next attempt. Nothing names them: they are verified again when they
 * are used, may go at any moment, and do go after a day, or when there is no space left.
 */
export class KeptLayers {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  /** Takes over a file; one that is gone is no error. */
  keep(digest: Digest, file: string): void {
    const target = this.#path(digest);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    unlessMissing(() => {
      const now = new Date();
      utimesSync(file, now, now);
      renameSync(file, target);
    });
  }

  /** Moves the layer to `file`. @returns whether there was one */
  take(digest: Digest, file: string): boolean {
    return unlessMissing(() => {
      renameSync(this.#path(digest), file);
    });
  }

  sweep(now = Date.now()): void {
    for (const name of namesIn(this.#paths.keptLayers)) {
      const file = join(this.#paths.keptLayers, name);
      const age = now - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now);
      if (age > KEEP_MS) rmSync(file, { force: true });
    }
  }

  clear(): void {
    rmSync(this.#paths.keptLayers, { recursive: true, force: true });
  }

  #path(digest: Digest): string {
    return join(this.#paths.keptLayers, hexOf(digest));
  }
}

function unlessMissing(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return false;
  }
}
