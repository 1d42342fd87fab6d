import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { chainIdsOf } from "../../oci/chain-id.js";
import { digestOf, parseDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { ImageConfig } from "../../oci/image-config.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { MediaType } from "../../oci/media-types.js";
import type { Reference } from "../../oci/reference.js";
import { unpackLayerFile, type Compression, type UnpackLimits } from "../../runtime-native/index.js";
import { asBerthError } from "../install/native-failure.js";
import { commitImage } from "../store/image-commit.js";
import type { Image } from "../store/local-store-contract.js";
import { openWritableStore, type WritableStore } from "../store/local-store.js";
import { sweepDeadSessions } from "../store/orphans.js";
import { StagingSession } from "../store/staging-session.js";

export interface ImageToBuild {
  /** Without `rootfs`, which is the base's and the new layer. */
  readonly config: Omit<ImageConfig, "rootfs">;
  readonly base?: Image;
  /** Writes the new layer's tar, perhaps compressed, into the file, which does not exist yet. */
  readonly writeLayer: (file: string) => Promise<void>;
  readonly reference?: Reference;
  readonly limits?: Partial<UnpackLimits>;
  readonly signal?: AbortSignal;
  /** For messages: what could not be done. */
  readonly what: string;
}

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  gzip: MediaType.ociLayerGzip,
  zstd: MediaType.ociLayerZstd,
  none: MediaType.ociLayer,
};

/**
 * Adds an image of one new layer, alone or above those of `base`.
 * @returns its ID
 * @throws BerthError LAYER_INVALID, TOO_LARGE, NO_SPACE, ABORTED, USAGE for a reference with a digest; nothing is left then
 */
export async function buildImage(root: string, image: ImageToBuild): Promise<Digest> {
  if (image.reference?.digest !== undefined) {
    throw new BerthError("USAGE", "the digest of a new image cannot be chosen: leave it out of its name");
  }
  const store = openWritableStore(root);
  await sweepDeadSessions(store.images, store);
  const session = await StagingSession.begin(store.paths);
  try {
    return await buildInto(store, session, image);
  } catch (error) {
    if (image.signal?.aborted === true) throw new BerthError("ABORTED", `${image.what}: cancelled`, { cause: error });
    throw asBerthError(error, image.what);
  } finally {
    await session.end();
  }
}

async function buildInto(store: WritableStore, session: StagingSession, image: ImageToBuild): Promise<Digest> {
  const { base, limits = {} } = image;
  const blobFile = session.path("layer");
  await image.writeLayer(blobFile);
  const cacheId = session.newCacheId();
  const directory = session.path(cacheId);
  const target = join(directory, "diff");
  mkdirSync(target, { recursive: true });
  const unpacked = await unpackLayerFile(blobFile, { target, compression: "auto", limits }, image.signal);

  const diffId = parseDigest(unpacked.diffId);
  const layer = parseDigest(unpacked.digest);
  const diffIds = [...(base?.config.rootfs.diff_ids ?? []), diffId];
  const config = Buffer.from(JSON.stringify({ ...image.config, rootfs: { type: "layers", diff_ids: diffIds } }));
  const configDigest = digestOf(config);
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: { mediaType: MediaType.ociConfig, digest: configDigest, size: config.byteLength },
      layers: [
        ...baseLayers(store, base),
        { mediaType: LAYER_TYPES[unpacked.compression], digest: layer, size: unpacked.size },
      ],
    }),
  );
  const manifest = digestOf(manifestBytes);
  writeFileSync(session.path("config"), config, { mode: 0o600 });
  writeFileSync(session.path("manifest"), manifestBytes, { mode: 0o600 });
  const { id } = await commitImage(store, {
    config,
    layers: new Map([[chainIdsOf(diffIds).at(-1) ?? diffId, { cacheId, directory, unpacked }]]),
    blobs: new Map([
      [layer, blobFile],
      [configDigest, session.path("config")],
      [manifest, session.path("manifest")],
    ]),
    manifest,
    origins: [{ diffId, digest: layer }],
    references: image.reference === undefined ? [] : [image.reference],
  });
  return id;
}

/** In OCI's media types, as the new manifest is one of OCI's. */
function baseLayers({ content }: WritableStore, base: Image | undefined): Descriptor[] {
  if (base === undefined) return [];
  const manifest = base.manifest === undefined ? undefined : parseManifest(content.read(base.manifest));
  if (manifest?.kind !== "manifest") {
    throw new BerthError("STORAGE", `image ${base.id} has no manifest on record: pull or import it again`);
  }
  return manifest.layers.map((descriptor) => ({
    ...descriptor,
    mediaType: OCI_TYPES.get(descriptor.mediaType) ?? descriptor.mediaType,
  }));
}

const OCI_TYPES: ReadonlyMap<string, string> = new Map([
  [MediaType.dockerLayer, MediaType.ociLayer],
  [MediaType.dockerLayerGzip, MediaType.ociLayerGzip],
]);
