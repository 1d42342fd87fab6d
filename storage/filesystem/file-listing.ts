import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../../oci/errors.js";
import { MAX_LIST_PAGE, type ListPage, type ListQuery } from "../object-store.js";

/**
 * Each page reads and sorts the whole of each directory in which it begins: to list 100,000 names a thousand at a time would
 * take half a minute of computing.
 */
const LONG_PAGE = 100_000;

/**
 * Lists a directory tree as if it were a flat, sorted set of keys. A directory sorts as its name followed by `/`, which is
 * what its keys have at that place (`a-b` before `a/c`).
 */
export async function listFiles(root: string, query: ListQuery): Promise<ListPage> {
  const { prefix, startAfter = "", delimiter } = query;
  const limit = query.limit === undefined ? LONG_PAGE : Math.min(query.limit, MAX_LIST_PAGE);
  if (limit <= 0) return { keys: [], prefixes: [] };
  if (query.shallow === true) return await listLeaves(root, prefix, startAfter, limit);
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last = "";
  let more = false;

  const add = (target: string[], key: string): boolean => {
    if (keys.length + prefixes.length >= limit) {
      more = true;
      return false;
    }
    target.push(key);
    last = key;
    return true;
  };

  /** False when the page is full. */
  const visit = async (base: string): Promise<boolean> => {
    for (const name of await namesIn(join(root, base), base === "")) {
      const path = base + name;
      const isDirectory = path.endsWith("/");
      if (isDirectory ? !path.startsWith(prefix.slice(0, path.length)) : !path.startsWith(prefix)) continue;
      if (!isDirectory) {
        if (path > startAfter && !add(keys, path)) return false;
      } else if (path.length > prefix.length && delimiter !== undefined) {
        if (path > startAfter && !add(prefixes, path)) return false;
      } else if (path > startAfter || startAfter.startsWith(path)) {
        if (!(await visit(path))) return false;
      }
    }
    return true;
  };

  await visit(prefix.slice(0, prefix.lastIndexOf("/") + 1));
  return more ? { keys, prefixes, next: last } : { keys, prefixes };
}

/**
 * What all lies in one directory. To ask for the type of each of 10,000 entries, and to look at each name for what it may be
 * besides, takes four times as long.
 */
async function listLeaves(root: string, prefix: string, startAfter: string, limit: number): Promise<ListPage> {
  let names: string[];
  try {
    // Sorted already where the system's call is (Linux); then this costs nothing.
    names = (await readdir(join(root, prefix))).sort();
  } catch (error) {
    if (isMissing(error)) return { keys: [], prefixes: [] };
    throw error;
  }
  const all = names.map((name) => prefix + name);
  const rest = startAfter === "" ? all : all.filter((key) => key > startAfter);
  if (rest.length <= limit) return { keys: rest, prefixes: [] };
  const keys = rest.slice(0, limit);
  return { keys, prefixes: [], next: keys.at(-1) ?? "" };
}

/** Sorted; directories end in `/`. Names with a leading dot are the driver's own. */
async function namesIn(directory: string, isRoot: boolean): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names: string[] = [];
    for (const entry of entries) {
      if (isRoot && entry.name.startsWith(".")) continue;
      names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
    }
    return names.sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR";
}
