import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { BerthError } from "../../oci/errors.js";
import {
  createLayerUnpacker,
  unpackLayerFile,
  type UnpackLimits,
  type UnpackResult,
} from "../../runtime-native/index.js";
import type { StagedLayer } from "../store/image-commit.js";
import type { WritableStore } from "../store/local-store.js";
import type { StagingSession } from "../store/staging-session.js";
import type { ImageProvider } from "./image-provider.js";
import { asBerthError } from "./native-failure.js";
import type { ResolvedLayer } from "./resolve-image.js";

export interface StagedBlob extends StagedLayer {
  /** The compressed bytes in the staging session; absent when the content store has them already. */
  readonly blobFile?: string;
  readonly warnings: readonly string[];
}

/** Unpacks a layer into the staging session while its bytes come in. */
export async function stageLayer(
  store: WritableStore,
  session: StagingSession,
  provider: ImageProvider,
  { descriptor, diffId }: ResolvedLayer,
  options: {
    readonly limits: Partial<UnpackLimits>;
    readonly signal: AbortSignal;
    readonly onProgress: (current: number) => void;
  },
): Promise<StagedBlob> {
  const cacheId = session.newCacheId();
  const directory = session.path(cacheId);
  const target = join(directory, "diff");
  mkdirSync(target, { recursive: true });
  const what = `failed to register layer ${descriptor.digest.slice(7, 19)}`;
  const expectations = {
    target,
    compression: "auto",
    expectedDigest: descriptor.digest,
    expectedSize: descriptor.size,
    expectedDiffId: diffId,
    limits: options.limits,
  } as const;
  if (store.content.has(descriptor.digest)) {
    const unpacked = await native(
      what,
      unpackLayerFile(store.content.path(descriptor.digest), expectations, options.signal),
    );
    return { cacheId, directory, unpacked, warnings: unpacked.warnings };
  }
  const blobFile = session.path(`${cacheId}.blob`);
  const unpacked = await unpackStream(what, { ...expectations, blobFile }, provider, descriptor, options);
  return { cacheId, directory, unpacked, blobFile, warnings: unpacked.warnings };
}

async function unpackStream(
  what: string,
  unpackOptions: Parameters<typeof createLayerUnpacker>[0],
  provider: ImageProvider,
  descriptor: ResolvedLayer["descriptor"],
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (current: number) => void },
): Promise<UnpackResult> {
  const unpacker = createLayerUnpacker(unpackOptions);
  let received = 0;
  try {
    await provider.pour(
      descriptor,
      async (chunk) => {
        await native(what, unpacker.write(chunk));
        received += chunk.byteLength;
        onProgress(received);
      },
      signal,
    );
    if (signal.aborted) throw new BerthError("ABORTED", "the transfer was cancelled");
    return await native(what, unpacker.finish());
  } catch (error) {
    await unpacker.abort();
    throw error;
  }
}

async function native<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asBerthError(error, what);
  }
}
