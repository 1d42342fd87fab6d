import { fileURLToPath } from "node:url";

// dist/runtime-native/*.js and the bundle dist/bin/*.js both have the built binaries in ../native.
const NATIVE_DIRECTORY = new URL("../native/", import.meta.url);

export const SHIM_PATH = fileURLToPath(new URL("berth-shim", NATIVE_DIRECTORY));

let addon: { readonly exports: unknown } | undefined;

/** The compiled addon, loaded once, on first use. @throws Error when it was not built */
export function loadAddon<T>(): T {
  // As require() does it; that would take node:module, whose loading costs a short verb a twentieth of its time.
  if (addon === undefined) {
    const loaded = { exports: {} };
    process.dlopen(loaded, fileURLToPath(new URL("berth.node", NATIVE_DIRECTORY)));
    addon = loaded;
  }
  return addon.exports as T;
}
