import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { BerthError, isBerthError } from "../../oci/errors.js";
import {
  createLayerUnpacker,
  removeTree,
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

interface StageOptions {
  readonly limits: Partial<UnpackLimits>;
  readonly signal: AbortSignal;
  readonly onProgress: (current: number) => void;
}

// How wrong bytes are noticed: by their digest, or before that because no layer can be made of them.
const WRONG_BYTES = ["DIGEST_INVALID", "LAYER_INVALID", "SIZE_INVALID", "TOO_LARGE"] as const;

/** Unpacks a layer into the staging session while its bytes come in; again, when they were wrong and others can be had. */
export async function stageLayer(
  store: WritableStore,
  session: StagingSession,
  provider: ImageProvider,
  layer: ResolvedLayer,
  options: StageOptions,
): Promise<StagedBlob> {
  const { digest } = layer.descriptor;
  const cacheId = session.newCacheId();
  const directory = session.path(cacheId);
  const blobFile = session.path(`${cacheId}.blob`);
  // What an earlier pull has left is one more source, which may be damaged.
  let kept = !store.content.has(digest) && store.kept.take(digest, blobFile);
  for (;;) {
    try {
      const staged = await stageOnce(store, provider, layer, { cacheId, directory, blobFile, kept }, options);
      return staged.blobFile === undefined ? staged : { ...staged, blobFile: session.markWhole(blobFile, digest) };
    } catch (error) {
      if (!isBerthError(error, ...WRONG_BYTES) || !(kept || provider.blame?.(layer.descriptor) === true)) throw error;
      kept = false;
      await removeTree(directory);
      rmSync(blobFile, { force: true });
    }
  }
}

async function stageOnce(
  store: WritableStore,
  provider: ImageProvider,
  { descriptor, diffId }: ResolvedLayer,
  place: { readonly cacheId: string; readonly directory: string; readonly blobFile: string; readonly kept: boolean },
  options: StageOptions,
): Promise<StagedBlob> {
  const { cacheId, directory, blobFile, kept } = place;
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
  if (kept) {
    const unpacked = await native(what, unpackLayerFile(blobFile, expectations, options.signal));
    return { cacheId, directory, unpacked, blobFile, warnings: unpacked.warnings };
  }
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
