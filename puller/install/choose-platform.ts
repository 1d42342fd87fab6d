import { BerthError } from "../../oci/errors.js";
import type { Descriptor, ImageIndex } from "../../oci/manifest.js";
import { isImageManifestType, isIndexType } from "../../oci/media-types.js";
import { formatPlatform, hostPlatform, matchesPlatform, type Platform } from "../../oci/platform.js";

/**
 * The first manifest of the index for the platform; entries that name none are taken when nothing else matches.
 * @param wanted default: this host's
 * @throws BerthError PLATFORM_UNKNOWN
 */
export function choosePlatform(index: ImageIndex, wanted: Platform = hostPlatform()): Descriptor {
  const images = index.manifests.filter(({ mediaType }) => isImageManifestType(mediaType) || isIndexType(mediaType));
  const chosen =
    images.find(({ platform }) => platform !== undefined && matchesPlatform(wanted, platform)) ??
    images.find(({ platform }) => platform === undefined);
  if (chosen !== undefined) return chosen;
  const offered = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  throw new BerthError(
    "PLATFORM_UNKNOWN",
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries: ` +
      (offered.length === 0 ? "it has none" : `it has ${[...new Set(offered)].join(", ")}`),
  );
}
