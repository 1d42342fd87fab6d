import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { LocalStore, LayerRecord } from "../../puller/index.js";
import { adoptDirectories } from "../../runtime-native/index.js";

/** Docker's: what the runtime mounts on, so that making it never shows up as a change of the container's. */
const DIRECTORIES = ["dev", "dev/pts", "dev/shm", "etc", "proc", "sys"];
const FILES = [".dockerenv", "dev/console", "etc/hosts", "etc/hostname", "etc/resolv.conf"];
const PARENTS = ["dev", "etc", "proc", "sys"];

export function initLayerId(containerId: string): string {
  return `${containerId}-init`;
}

/**
 * Makes `<cid>-init` above the image. Where the image already has one of the parent directories the layer's takes over its
 * metadata, for the upper directory's is what a merged one shows; where it has a link or file instead, nothing is put there.
 * @param stack of the image, base first
 */
export async function makeInitLayer(
  store: LocalStore,
  containerId: string,
  stack: readonly LayerRecord[],
): Promise<void> {
  const { diff } = store.overlay.create(initLayerId(containerId), stack.at(-1)?.cacheId);
  const lowers = stack.map((layer) => store.overlay.paths(layer.cacheId).diff).toReversed();
  const parents = new Map(PARENTS.map((name) => [name, kindInImage(lowers, name)]));
  const usable = (path: string) => parents.get(path.split("/")[0] ?? "") !== "other";
  for (const name of DIRECTORIES.filter(usable)) makeDirectory(join(diff, name));
  for (const name of FILES.filter(usable)) writeFileSync(join(diff, name), "", { mode: 0o755 });
  if (usable("etc")) symlinkSync("/proc/mounts", join(diff, "etc/mtab"));
  const adopted = PARENTS.filter((name) => parents.get(name) === "directory");
  if (adopted.length > 0) await adoptDirectories(diff, lowers, adopted);
}

function makeDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}

function kindInImage(lowers: readonly string[], name: string): "directory" | "missing" | "other" {
  for (const lower of lowers) {
    const stats = lstatSync(join(lower, name), { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (stats.isDirectory()) return "directory";
    // Overlayfs' whiteout: a character device 0:0.
    return stats.isCharacterDevice() && stats.rdev === 0 ? "missing" : "other";
  }
  return "missing";
}
