import { BerthError } from "../oci/errors.js";

const COMPONENT = "[A-Za-z0-9!_-][A-Za-z0-9!._-]{0,254}";
const KEY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const MAX_KEY_LENGTH = 1024;

/**
 * Every driver calls this on every key, so that whatever slipped through above, no key names something outside the store
 * or the driver's own files (which start with a dot).
 * @throws BerthError STORAGE
 */
export function assertObjectKey(key: string): void {
  if (key.length <= MAX_KEY_LENGTH && KEY.test(key)) return;
  throw new BerthError("STORAGE", `${JSON.stringify(key.slice(0, 300))} is not an object key`);
}

/** A prefix is empty, or a key, or a key's beginning. @throws BerthError STORAGE */
export function assertKeyPrefix(prefix: string): void {
  if (prefix === "") return;
  assertObjectKey(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
}
