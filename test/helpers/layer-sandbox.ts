import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createLayerUnpacker, NativeError, type UnpackOptions, type UnpackResult } from "../../runtime-native/index.js";

/** A temporary directory with an empty `target` for layers, and beside it files of the "host" that no layer may reach. */
export interface LayerSandbox {
  readonly directory: string;
  readonly target: string;
  /** Holds "host's own". */
  readonly hostFile: string;
  path(...parts: string[]): string;
  unpack(layer: Uint8Array, options?: Partial<UnpackOptions>): Promise<UnpackResult>;
  remove(): void;
}

export const HOST_CONTENT = "host's own";

export function layerSandbox(): LayerSandbox {
  const directory = mkdtempSync(join(tmpdir(), "berth-layer-"));
  const target = join(directory, "target");
  const hostFile = join(directory, "host-file");
  mkdirSync(target);
  writeFileSync(hostFile, HOST_CONTENT, { mode: 0o600 });
  return {
    directory,
    target,
    hostFile,
    path: (...parts) => join(target, ...parts),
    async unpack(layer, options = {}) {
      const unpacker = createLayerUnpacker({ target, compression: "auto", ...options });
      try {
        await unpacker.write(layer);
        return await unpacker.finish();
      } finally {
        await unpacker.abort();
      }
    },
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** For assert.rejects: a NativeError of this code whose message says this. */
export function nativeFailure(code: string, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof NativeError && error.code === code && message.test(error.message);
}
