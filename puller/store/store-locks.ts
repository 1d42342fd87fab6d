import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { lockFile, type FileLock } from "../../runtime-native/index.js";
import type { StatePaths } from "./state-paths.js";

/**
 * flock files below locks/. Order, for whoever takes several: download, sessions, images. "images" is held exclusively for
 * the short moments in which images and layers appear or go, and shared by those who must not see them go.
 */
export async function lockState(
  paths: StatePaths,
  name: "images" | "sessions",
  mode: "shared" | "exclusive",
): Promise<FileLock> {
  mkdirSync(paths.locks, { recursive: true, mode: 0o700 });
  return lockFile(join(paths.locks, name), mode);
}

export async function withImagesLocked<T>(paths: StatePaths, work: () => Promise<T>): Promise<T> {
  const lock = await lockState(paths, "images", "exclusive");
  try {
    return await work();
  } finally {
    lock.release();
  }
}
