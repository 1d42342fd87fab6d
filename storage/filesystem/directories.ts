import { mkdir, open, rmdir } from "node:fs/promises";
import { dirname } from "node:path";

import { errnoOf } from "../../oci/errors.js";

const DIRECTORY_MODE = 0o750;

/** Makes the names in a directory durable: a rename or link is lost with the power until its directory is synced. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Each round needs another process to prune the directory within the moment between two system calls. */
const MAX_ROUNDS = 100;

/**
 * Runs `enter`, which puts a file into `directory`, and makes the directory first where it is missing. Another process
 * may prune the directory between the two, so it is made again until it stays.
 */
export async function enterDirectory<T>(directory: string, durable: boolean, enter: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await enter();
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || round === MAX_ROUNDS) throw error;
    }
    forgetDirectory(directory);
    await makeDirectory(directory, durable);
  }
}

/** A hundred bytes each; the longest known are forgotten first. */
const MAX_KNOWN = 10_000;
/** Those that this process has made or found, with what makes their names durable. Another process may prune them at any time. */
const known = new Map<string, Promise<void>>();

/** Who is not the first to want the directory waits until its name is durable, too. */
export async function makeDirectory(directory: string, durable: boolean): Promise<void> {
  const key = keyOf(directory, durable);
  let making = known.get(key);
  if (making === undefined) {
    making = make(directory, durable);
    known.set(key, making);
    const [longest] = known.size > MAX_KNOWN ? known.keys() : [];
    if (longest !== undefined) known.delete(longest);
    making.catch(() => {
      forgetDirectory(directory);
    });
  }
  await making;
}

/** To be called where a directory was seen to be gone. */
export function forgetDirectory(directory: string): void {
  for (const durable of [true, false]) known.delete(keyOf(directory, durable));
}

function keyOf(directory: string, durable: boolean): string {
  return durable ? directory : `${directory}/`;
}

async function make(directory: string, durable: boolean): Promise<void> {
  try {
    const first = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    if (first === undefined || !durable) return;
    const top = dirname(first);
    let path = directory;
    do {
      path = dirname(path);
      await syncDirectory(path);
    } while (path.length > top.length);
  } catch (error) {
    forgetDirectory(directory);
    // Pruned while it was made (Node says ENOTDIR when what mkdir found to exist is gone when it looks again): the caller
    // tries to enter it, and comes back or meets the real reason.
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
  }
}

/** Removes empty directories from `directory` upwards, below `root`. rmdir refuses one that has become used. */
export async function pruneDirectories(directory: string, root: string): Promise<void> {
  for (let path = directory; path.startsWith(`${root}/`); path = dirname(path)) {
    try {
      await rmdir(path);
      forgetDirectory(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT") continue;
      if (errno === "ENOTEMPTY" || errno === "EEXIST" || errno === "EBUSY") return;
      throw error;
    }
  }
}
