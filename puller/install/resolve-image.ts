import { chainIdsOf } from "../../oci/chain-id.js";
import { algorithmOf, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseImageConfig, type ImageConfig } from "../../oci/image-config.js";
import { parseManifest, type Descriptor, type ImageManifest } from "../../oci/manifest.js";
import { isForeignLayerType, MediaType } from "../../oci/media-types.js";
import { formatPlatform, matchesPlatform, type Platform } from "../../oci/platform.js";
import { printable } from "../client/index.js";
import { choosePlatform } from "./choose-platform.js";
import type { ImageProvider, ProvidedManifest } from "./image-provider.js";

export interface ResolvedImage {
  readonly root: ProvidedManifest;
  /** The manifests from the root to the image's own. */
  readonly manifests: readonly ProvidedManifest[];
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** Base first. */
  readonly layers: readonly ResolvedLayer[];
}

export interface ResolvedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly chainId: Digest;
}

// An index may point to an index (image-spec, image-index.md); nobody needs more.
const MAX_DEPTH = 4;

/** @throws BerthError MANIFEST_INVALID, CONFIG_INVALID, PLATFORM_UNKNOWN, UNSUPPORTED and what the provider throws */
export async function resolveImage(provider: ImageProvider, platform?: Platform): Promise<ResolvedImage> {
  const root = await provider.root();
  const manifests = [root];
  for (let current = root; ;) {
    const manifest = parseManifest(current.bytes, current.mediaType || undefined);
    if (manifest.kind === "unknown") {
      throw new BerthError("UNSUPPORTED", `not an image: its manifest is ${printable(manifest.mediaType)}`);
    }
    if (manifest.kind === "manifest") {
      return { root, manifests, manifest, ...(await resolveLayers(provider, manifest, platform)) };
    }
    if (manifests.length > MAX_DEPTH) throw new BerthError("MANIFEST_INVALID", "invalid manifest: indexes in indexes");
    const child = choosePlatform(manifest, platform);
    current = await provider.manifest(child);
    if (current.bytes.byteLength !== child.size) {
      throw new BerthError("SIZE_INVALID", `the manifest ${child.digest} has another size than its index says`);
    }
    manifests.push(current);
  }
}

async function resolveLayers(
  provider: ImageProvider,
  manifest: ImageManifest,
  platform: Platform | undefined,
): Promise<Pick<ResolvedImage, "config" | "configBytes" | "layers">> {
  const { mediaType } = manifest.config;
  if (mediaType !== MediaType.ociConfig && mediaType !== MediaType.dockerConfig) {
    throw new BerthError("UNSUPPORTED", `not an image but an artifact: its config is ${printable(mediaType)}`);
  }
  const configBytes = await provider.config(manifest.config);
  const config = parseImageConfig(configBytes);
  if (platform !== undefined && !matchesPlatform(platform, config)) {
    throw new BerthError(
      "PLATFORM_UNKNOWN",
      `the image is for ${printable(formatPlatform(config))}, not for ${formatPlatform(platform)}`,
    );
  }
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new BerthError("MANIFEST_INVALID", "invalid manifest: its config names another number of layers");
  }
  const chainIds = chainIdsOf(diffIds);
  const layers = manifest.layers.map((descriptor, i) => {
    const diffId = diffIds[i] as Digest;
    if ([diffId, descriptor.digest].some((digest) => algorithmOf(digest) !== "sha256")) {
      throw new BerthError("UNSUPPORTED", "the image uses another digest than sha256 for a layer");
    }
    if (isForeignLayerType(descriptor.mediaType)) {
      throw new BerthError("UNSUPPORTED", `layer ${descriptor.digest} may not be distributed and is not fetched`);
    }
    return { descriptor, diffId, chainId: chainIds[i] as Digest };
  });
  return { config, configBytes, layers };
}
