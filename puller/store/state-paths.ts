import { join } from "node:path";

import { algorithmOf, hexOf, type Digest } from "../../oci/digest.js";

/**
 * The tree below the root, Docker's where Docker has one:
 *
 *     overlay2/<cache-id>/{diff,link,lower,work,merged}   overlay2/l/<link> -> ../<cache-id>/diff
 *     image/overlay2/repositories.json                    names -> image IDs
 *     image/overlay2/imagedb/content/sha256/<image>       the config's bytes
 *     image/overlay2/imagedb/metadata/sha256/<image>/{manifest,lastUpdated}
 *     image/overlay2/layerdb/sha256/<chain>/{diff,parent,size,cache-id}
 *     image/overlay2/distribution/diffid-by-digest/sha256/<blob>
 *     image/overlay2/distribution/v2metadata-by-diffid/sha256/<diff>
 *     content/blobs/sha256/<hex>                          blobs and manifests as they came
 *     content/kept/<hex>                                  layers of pulls that failed, for a day
 *     staging/<session>/{lock,journal,...}                what a running process has not committed yet
 *     locks/{images,sweep,download/<blob>}                flock files, empty
 *     hosts-out-of-reach.json                             which registries were silent lately: a hint (HostMemory)
 */
export class StatePaths {
  readonly overlay: string;
  readonly repositories: string;
  readonly imageConfigs: string;
  readonly imageMetadata: string;
  readonly layers: string;
  readonly diffIdByDigest: string;
  readonly digestsByDiffId: string;
  readonly blobs: string;
  readonly keptLayers: string;
  readonly staging: string;
  readonly locks: string;

  constructor(readonly root: string) {
    const image = join(root, "image/overlay2");
    this.overlay = join(root, "overlay2");
    this.repositories = join(image, "repositories.json");
    this.imageConfigs = join(image, "imagedb/content/sha256");
    this.imageMetadata = join(image, "imagedb/metadata/sha256");
    this.layers = join(image, "layerdb/sha256");
    this.diffIdByDigest = join(image, "distribution/diffid-by-digest");
    this.digestsByDiffId = join(image, "distribution/v2metadata-by-diffid");
    this.blobs = join(root, "content/blobs");
    this.keptLayers = join(root, "content/kept");
    this.staging = join(root, "staging");
    this.locks = join(root, "locks");
  }

  imageConfig(id: Digest): string {
    return join(this.imageConfigs, hexOf(id));
  }

  imageMetadataOf(id: Digest): string {
    return join(this.imageMetadata, hexOf(id));
  }

  layer(chainId: Digest): string {
    return join(this.layers, hexOf(chainId));
  }

  blob(digest: Digest): string {
    return join(this.blobs, algorithmOf(digest), hexOf(digest));
  }

  diffIdFile(digest: Digest): string {
    return join(this.diffIdByDigest, algorithmOf(digest), hexOf(digest));
  }

  digestsFile(diffId: Digest): string {
    return join(this.digestsByDiffId, algorithmOf(diffId), hexOf(diffId));
  }
}
