import { writeFileSync } from "node:fs";

import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { Platform } from "../../oci/platform.js";
import type { Reference } from "../../oci/reference.js";
import type { UnpackLimits } from "../../runtime-native/index.js";
import { commitImage, type CommittedImage } from "../store/image-commit.js";
import type { WritableStore } from "../store/local-store.js";
import { sweepDeadSessions } from "../store/orphans.js";
import { StagingSession } from "../store/staging-session.js";
import { forEachConcurrently } from "./bounded-concurrency.js";
import { lockDownloads } from "./download-locks.js";
import type { ImageProvider } from "./image-provider.js";
import type { OnLayerProgress } from "./layer-progress.js";
import { asBerthError } from "./native-failure.js";
import { resolveImage, type ResolvedImage, type ResolvedLayer } from "./resolve-image.js";
import { stageLayer, type StagedBlob } from "./stage-layer.js";

export interface InstallOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
  readonly limits?: Partial<UnpackLimits>;
  /** Layers in work at a time. */
  readonly concurrency?: number;
  readonly onProgress?: OnLayerProgress;
  readonly onWarning?: (sentence: string) => void;
}

export interface InstalledImage extends CommittedImage {
  /** Digest of what the reference named: an index or the manifest. */
  readonly digest: Digest;
}

const DEFAULT_CONCURRENCY = 3;
const MAX_ROUNDS = 3;

/**
 * Brings an image into the local store: layers that are missing are fetched and unpacked side by side, then everything
 * becomes visible at once. A failure leaves nothing but the compressed bytes of layers that were whole, for the next attempt.
 */
export async function installImage(
  store: WritableStore,
  provider: ImageProvider,
  referencesFor: (digest: Digest) => readonly Reference[],
  options: InstallOptions,
): Promise<InstalledImage> {
  await sweepDeadSessions(store.images, store);
  store.kept.sweep();
  const image = await resolveImage(provider, options.platform);
  const fetched = (layers: readonly ResolvedLayer[]): ResolvedLayer[] =>
    layers.filter(({ chainId }) => store.layers.find(chainId) === undefined);
  const locks = await lockDownloads(
    store.paths,
    fetched(image.layers).map(({ descriptor }) => descriptor.digest),
  );
  try {
    for (let round = 1; ; round++) {
      try {
        const committed = await stageAndCommit(store, provider, image, referencesFor(image.root.digest), options);
        return { ...committed, digest: image.root.digest };
      } catch (error) {
        // A layer that was here at the beginning has been removed by somebody else: now it is missing, too.
        if (!isBerthError(error, "CONFLICT") || round === MAX_ROUNDS) throw error;
      }
    }
  } finally {
    locks.release();
  }
}

async function stageAndCommit(
  store: WritableStore,
  provider: ImageProvider,
  image: ResolvedImage,
  references: readonly Reference[],
  { signal, limits = {}, concurrency = DEFAULT_CONCURRENCY, onProgress, onWarning }: InstallOptions,
): Promise<CommittedImage> {
  const session = await StagingSession.begin(store.paths);
  const staged = new Map<Digest, StagedBlob>();
  try {
    const report = (
      layer: ResolvedLayer,
      state: "waiting" | "exists" | "downloading" | "complete",
      current = 0,
    ): void => onProgress?.({ id: layer.descriptor.digest, state, current, total: layer.descriptor.size });
    const missing: ResolvedLayer[] = [];
    for (const layer of image.layers) {
      const here = store.layers.find(layer.chainId) !== undefined;
      report(layer, here ? "exists" : "waiting");
      if (!here) missing.push(layer);
    }
    // The longest first: none of them is left running alone at the end.
    missing.sort((a, b) => b.descriptor.size - a.descriptor.size);
    await forEachConcurrently(missing, concurrency, signal, async (layer, stop) => {
      const result = await stageLayer(store, session, provider, layer, {
        limits,
        signal: stop,
        onProgress: (current) => report(layer, "downloading", current),
      });
      staged.set(layer.chainId, result);
      for (const warning of result.warnings) onWarning?.(warning);
      report(layer, "complete", layer.descriptor.size);
    });
    return await commitImage(store, {
      config: image.configBytes,
      layers: staged,
      blobs: stageBlobs(store, session, image, staged),
      manifest: image.manifests.at(-1)?.digest ?? image.root.digest,
      origins: image.layers
        .filter(({ chainId }) => staged.has(chainId))
        .map(({ diffId, descriptor }) => ({
          diffId,
          digest: descriptor.digest,
          ...(provider.repository !== undefined && { repository: provider.repository }),
        })),
      references,
    });
  } catch (error) {
    const failure = asBerthError(error, "failed to store the image");
    if (isBerthError(failure, "NO_SPACE")) store.kept.clear();
    // An archive can be read again.
    else if (provider.repository !== undefined) keepWholeLayers(store, image, staged);
    throw failure;
  } finally {
    await session.end();
  }
}

function keepWholeLayers(
  { kept }: WritableStore,
  { layers }: ResolvedImage,
  staged: ReadonlyMap<Digest, StagedBlob>,
): void {
  for (const { chainId, descriptor } of layers) {
    const blobFile = staged.get(chainId)?.blobFile;
    if (blobFile !== undefined) kept.keep(descriptor.digest, blobFile);
  }
}

/** Verified files for the content store: manifests, config and layers that it lacks. */
function stageBlobs(
  { content }: WritableStore,
  session: StagingSession,
  image: ResolvedImage,
  staged: ReadonlyMap<Digest, StagedBlob>,
): Map<Digest, string> {
  const files = new Map<Digest, string>();
  const small = new Map(image.manifests.map(({ digest, bytes }) => [digest, bytes]));
  small.set(image.manifest.config.digest, image.configBytes);
  for (const [digest, bytes] of small) {
    if (content.has(digest)) continue;
    const file = session.path(digest.replace(":", "-"));
    writeFileSync(file, bytes, { mode: 0o600 });
    files.set(digest, file);
  }
  for (const { chainId, descriptor } of image.layers) {
    const blobFile = staged.get(chainId)?.blobFile;
    if (blobFile !== undefined) files.set(descriptor.digest, blobFile);
  }
  return files;
}
