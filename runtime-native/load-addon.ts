import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

// dist/runtime-native/*.js and the bundle dist/bin/*.js both have the built binaries in ../native.
const NATIVE_DIRECTORY = new URL("../native/", import.meta.url);

export const SHIM_PATH = fileURLToPath(new URL("berth-shim", NATIVE_DIRECTORY));

let addon: unknown;

/** The compiled addon, loaded once, on first use. @throws Error when it was not built */
export function loadAddon<T>(): T {
  addon ??= createRequire(import.meta.url)(fileURLToPath(new URL("berth.node", NATIVE_DIRECTORY)));
  return addon as T;
}
