import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { registerNumberOf } from "../storage/key-tree.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";

/** A register, and the number in force when it was listed. */
export interface Listed {
  readonly key: string;
  readonly number: number;
}

/** All keys with the prefix, page by page. */
export async function* keysBelow(store: ObjectStore, prefix: string): AsyncGenerator<string, void, undefined> {
  let startAfter: string | undefined;
  do {
    const page = await store.list({ prefix, ...(startAfter !== undefined && { startAfter }) });
    yield* page.keys;
    startAfter = page.next;
  } while (startAfter !== undefined);
}

/** All registers with the prefix. Their entries follow one another in a listing, the one in force last. */
export async function* registersBelow(store: ObjectStore, prefix: string): AsyncGenerator<Listed, void, undefined> {
  let current: Listed | undefined;
  for await (const entry of keysBelow(store, prefix)) {
    const key = entry.slice(0, entry.lastIndexOf("/"));
    if (current !== undefined && current.key !== key) yield current;
    current = { key, number: registerNumberOf(entry) };
  }
  if (current !== undefined) yield current;
}

/** The listed value, or a newer one; undefined when the register is gone. */
export async function readListed<T extends object>(store: ObjectStore, listed: Listed): Promise<Entry<T> | undefined> {
  const register = new WriteOnceRegister<T>(store, listed.key);
  return (await register.readEntry(listed.number)) ?? (await register.read());
}

/** Prefixes `depth` components below, so that a large listing can be done in parts. */
export async function partsOf(store: ObjectStore, prefix: string, depth: number): Promise<string[]> {
  let parts = [prefix];
  for (let level = 0; level < depth; level++) {
    const below: string[] = [];
    for (const part of parts) below.push(...(await listAllPrefixes(store, part)));
    parts = below;
  }
  return parts;
}

/** What cannot be read must not be passed over: what it names would be taken for garbage. */
export function strangeKey(key: string): BerthError {
  return new BerthError("STORAGE", `${key} is no key that this registry makes: nothing is collected until it is gone`);
}
