import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { chainIdsOf } from "../../oci/chain-id.js";
import { digestOf, parseDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { ContainerDefaults, ImageConfig } from "../../oci/image-config.js";
import { MediaType } from "../../oci/media-types.js";
import { hostPlatform, type Platform } from "../../oci/platform.js";
import type { Reference } from "../../oci/reference.js";
import { packLayer, unpackLayerFile, type UnpackLimits } from "../../runtime-native/index.js";
import { asBerthError } from "../install/native-failure.js";
import { commitImage } from "../store/image-commit.js";
import { openWritableStore, type WritableStore } from "../store/local-store.js";
import { sweepDeadSessions } from "../store/orphans.js";
import { StagingSession } from "../store/staging-session.js";
import { applyChange } from "./config-change.js";
import { layerFileFrom } from "./layer-file.js";

export interface ImportOptions {
  /** A root filesystem: a directory, a tar (plain, gzip or zstd), or `-` for a tar on standard input. */
  readonly source: string;
  readonly reference?: Reference;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly platform?: Platform;
  readonly limits?: Partial<UnpackLimits>;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of one layer from a root filesystem.
 * @returns its ID
 * @throws BerthError USAGE, LAYER_INVALID, TOO_LARGE, NO_SPACE, ARCHIVE_INVALID when there is no such file
 */
export async function importImage(root: string, options: ImportOptions): Promise<Digest> {
  const defaults = (options.changes ?? []).reduce(applyChange, {} as ContainerDefaults);
  if (options.reference?.digest !== undefined) {
    throw new BerthError("USAGE", "cannot import under a digest: leave it out");
  }
  const { source } = options;
  if (source !== "-" && statSync(source, { throwIfNoEntry: false }) === undefined) {
    throw new BerthError("ARCHIVE_INVALID", `${source}: no such file or directory`);
  }
  const store = openWritableStore(root);
  await sweepDeadSessions(store.images, store);
  const session = await StagingSession.begin(store.paths);
  try {
    return await importInto(store, session, defaults, options);
  } catch (error) {
    throw asBerthError(error, `failed to import ${source}`);
  } finally {
    await session.end();
  }
}

async function importInto(
  store: WritableStore,
  session: StagingSession,
  defaults: ContainerDefaults,
  { source, reference, message, platform, limits = {}, signal }: ImportOptions,
): Promise<Digest> {
  const blobFile = session.path("layer");
  const isDirectory = source !== "-" && statSync(source).isDirectory();
  if (isDirectory) {
    await packLayer({ source, output: blobFile, compression: "gzip", level: 0, overlayWhiteouts: false });
  } else {
    await layerFileFrom(source, blobFile, signal);
  }
  signal?.throwIfAborted();
  const cacheId = session.newCacheId();
  const directory = session.path(cacheId);
  const target = join(directory, "diff");
  mkdirSync(target, { recursive: true });
  const unpacked = await unpackLayerFile(blobFile, { target, compression: "auto", limits });

  const diffId = parseDigest(unpacked.diffId);
  const layerDigest = parseDigest(unpacked.digest);
  const created = new Date().toISOString();
  const comment = message ?? `Imported from ${source}`;
  const config: ImageConfig = {
    created,
    ...(platform ?? hostPlatform()),
    config: defaults,
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, comment }],
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const configDigest = digestOf(configBytes);
  const layerType = { gzip: MediaType.ociLayerGzip, zstd: MediaType.ociLayerZstd, none: MediaType.ociLayer };
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: { mediaType: MediaType.ociConfig, digest: configDigest, size: configBytes.byteLength },
      layers: [{ mediaType: layerType[unpacked.compression], digest: layerDigest, size: unpacked.size }],
    }),
  );
  const manifest = digestOf(manifestBytes);
  writeFileSync(session.path("config"), configBytes);
  writeFileSync(session.path("manifest"), manifestBytes);
  const { id } = await commitImage(store, {
    config: configBytes,
    layers: new Map(chainIdsOf([diffId]).map((chainId) => [chainId, { cacheId, directory, unpacked }])),
    blobs: new Map([
      [layerDigest, blobFile],
      [configDigest, session.path("config")],
      [manifest, session.path("manifest")],
    ]),
    manifest,
    origins: [{ diffId, digest: layerDigest }],
    references: reference === undefined ? [] : [reference],
  });
  return id;
}
