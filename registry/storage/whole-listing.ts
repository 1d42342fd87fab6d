import type { ObjectStore } from "../../storage/object-store.js";

/** All pages of a listing of keys. @param options see ListQuery */
export async function listAllKeys(
  store: ObjectStore,
  prefix: string,
  options: { readonly shallow?: boolean } = {},
): Promise<string[]> {
  const all: string[] = [];
  let startAfter: string | undefined;
  do {
    const page = await store.list({ prefix, ...options, ...(startAfter !== undefined && { startAfter }) });
    for (const key of page.keys) all.push(key);
    startAfter = page.next;
  } while (startAfter !== undefined);
  return all;
}

/** All pages of the common prefixes directly below `prefix`. */
export async function listAllPrefixes(store: ObjectStore, prefix: string): Promise<string[]> {
  const all: string[] = [];
  let startAfter: string | undefined;
  do {
    const page = await store.list({ prefix, delimiter: "/", ...(startAfter !== undefined && { startAfter }) });
    for (const found of page.prefixes) all.push(found);
    startAfter = page.next;
  } while (startAfter !== undefined);
  return all;
}
