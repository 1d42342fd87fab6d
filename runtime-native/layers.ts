import { loadAddon } from "./load-addon.js";
import { asNativeError } from "./native-error.js";
import type { LayerUnpacker, PackOptions, PackResult, UnpackOptions, UnpackResult } from "./layer-contract.js";

interface LayersAddon {
  /** Fed by write(), or from `inputFile`. */
  readonly LayerUnpacker: new (options: UnpackOptions, inputFile?: string) => LayerUnpacker;
  adoptDirectories(diff: string, lowers: readonly string[], directories: readonly string[]): Promise<void>;
  packLayer(options: PackOptions): PackJob;
}

interface PackJob {
  readonly done: Promise<PackResult>;
  cancel(): void;
}

const addon = (): LayersAddon => loadAddon<LayersAddon>();

/** @throws NativeError when `target` or `blobFile` cannot be opened, or a thread not be started */
export function createLayerUnpacker(options: UnpackOptions): LayerUnpacker {
  return openUnpacker(options);
}

/** @throws AbortError-like reason of `signal` once no thread runs any more */
export async function unpackLayerFile(
  path: string,
  options: UnpackOptions,
  signal?: AbortSignal,
): Promise<UnpackResult> {
  signal?.throwIfAborted();
  const unpacker = openUnpacker(options, path);
  const onAbort = (): void => void unpacker.abort();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await unpacker.finish();
  } catch (error) {
    await unpacker.abort();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

export function adoptDirectories(
  diff: string,
  lowers: readonly string[],
  directories: readonly string[],
): Promise<void> {
  return translated(() => addon().adoptDirectories(diff, lowers, directories));
}

/** @throws AbortError-like reason of `signal` once no thread runs any more */
export async function packLayer(options: PackOptions, signal?: AbortSignal): Promise<PackResult> {
  signal?.throwIfAborted();
  const job = addon().packLayer(options);
  const onAbort = (): void => {
    job.cancel();
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await translated(() => job.done);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function openUnpacker(options: UnpackOptions, inputFile?: string): LayerUnpacker {
  let unpacker: LayerUnpacker;
  try {
    unpacker = new (addon().LayerUnpacker)(options, inputFile);
  } catch (error) {
    throw asNativeError(error);
  }
  return {
    write: (chunk) => translated(() => unpacker.write(chunk)),
    finish: () => translated(() => unpacker.finish()),
    abort: () => translated(() => unpacker.abort()),
  };
}

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asNativeError(error);
  }
}
