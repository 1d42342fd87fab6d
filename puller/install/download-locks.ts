import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { hexOf, type Digest } from "../../oci/digest.js";
import { lockFile, type FileLock } from "../../runtime-native/index.js";
import type { StatePaths } from "../store/state-paths.js";

/**
 * Makes two processes that want the same blobs take turns, so that the second finds what the first has fetched. Only to
 * save work: the commit would cope with both. Locks are taken in order of the digests, so that nobody waits in a circle.
 */
export async function lockDownloads(paths: StatePaths, digests: Iterable<Digest>): Promise<{ release(): void }> {
  const directory = join(paths.locks, "download");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const held: { file: string; lock: FileLock }[] = [];
  const release = (): void => {
    for (const { file, lock } of held.splice(0)) {
      rmSync(file, { force: true });
      lock.release();
    }
  };
  try {
    for (const digest of [...new Set(digests)].sort()) {
      const file = join(directory, hexOf(digest));
      held.push({ file, lock: await lockFile(file, "exclusive") });
    }
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}
