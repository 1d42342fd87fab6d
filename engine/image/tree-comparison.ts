import { closeSync, constants, lstatSync, openSync, readdirSync, type BigIntStats } from "node:fs";

import { errnoOf } from "../../oci/errors.js";

export interface Change {
  /** Docker's letters: added, changed, deleted. */
  readonly kind: "A" | "C" | "D";
  /** From the container's root on, with a leading slash. */
  readonly path: string;
}

/** One directory: in the container's own layer, in what its processes see, and in what it started with, if it is there. */
interface Views<T> {
  readonly upper: T;
  readonly merged: T;
  readonly lower?: T | undefined;
}

/**
 * What is different between two trees, sorted by path; nothing below a deleted directory. Goes only where `upper` has
 * something. Directories are opened relative to the one above and never through a link, as a running container may put one
 * there at any time.
 */
export function compareTrees(roots: Required<Views<string>>): Change[] {
  const changes: Change[] = [];
  withOpened(roots, constants.O_DIRECTORY, (views) => compareDirectory(views, "", changes));
  return changes.map(({ kind, path }) => ({ kind, path: Buffer.from(path, "latin1").toString() }));
}

/** @returns whether something came into this directory or went from it */
function compareDirectory(views: Views<number>, path: string, changes: Change[]): boolean {
  const present = new Set(namesIn(views.merged));
  const before = views.lower === undefined ? [] : namesIn(views.lower);
  // An opaque directory hides what is below it without a whiteout for each name.
  const names = new Set([...namesIn(views.upper), ...before.filter((name) => !present.has(name))]);
  let different = false;
  for (const name of [...names].sort()) {
    const old = views.lower === undefined ? undefined : statAt(views.lower, name);
    const now = statAt(views.merged, name);
    const place = changes.length;
    const inside = now?.isDirectory() === true && compareInside(views, name, old, `${path}/${name}`, changes);
    const kind = kindOf(old, now, inside);
    if (kind !== undefined) changes.splice(place, 0, { kind, path: `${path}/${name}` });
    different ||= kind === "A" || kind === "D";
  }
  return different;
}

function compareInside(
  { upper, merged, lower }: Views<number>,
  name: string,
  old: BigIntStats | undefined,
  path: string,
  changes: Change[],
): boolean {
  const views = {
    upper: entryOf(upper, name),
    merged: entryOf(merged, name),
    ...(lower !== undefined && old?.isDirectory() === true && { lower: entryOf(lower, name) }),
  };
  return withOpened(views, constants.O_DIRECTORY | constants.O_NOFOLLOW, (opened) =>
    compareDirectory(opened, path, changes),
  );
}

function kindOf(
  old: BigIntStats | undefined,
  now: BigIntStats | undefined,
  inside: boolean,
): Change["kind"] | undefined {
  if (now === undefined) return old === undefined ? undefined : "D";
  if (old === undefined) return "A";
  if (!now.isDirectory() || !old.isDirectory()) return "C";
  // A directory is copied up with all its metadata for the sake of what is in it.
  const same = (["mode", "uid", "gid", "mtimeNs"] as const).every((field) => old[field] === now[field]);
  return inside || !same ? "C" : undefined;
}

/** @returns what `work` returns; false for a directory that has gone meanwhile */
function withOpened(
  { upper, merged, lower }: Views<string | Buffer>,
  flags: number,
  work: (views: Views<number>) => boolean,
): boolean {
  const opened: number[] = [];
  const open = (path: string | Buffer): number => {
    const descriptor = openSync(path, flags);
    opened.push(descriptor);
    return descriptor;
  };
  try {
    return work({ upper: open(upper), merged: open(merged), lower: lower === undefined ? undefined : open(lower) });
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** Names are bytes, one to a character: a container's need not be UTF-8. */
function namesIn(directory: number): string[] {
  return readdirSync(`/proc/self/fd/${String(directory)}`, { encoding: "latin1" });
}

function entryOf(directory: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${String(directory)}/${name}`, "latin1");
}

function statAt(directory: number, name: string): BigIntStats | undefined {
  try {
    return lstatSync(entryOf(directory, name), { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "");
}
