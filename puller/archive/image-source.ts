import type { Readable } from "node:stream";

import type { Digest } from "../../oci/digest.js";
import type { Descriptor } from "../../oci/manifest.js";

/** An image, or an index with several, whose bytes are on this host. */
export interface ImageSource {
  /** The manifest or index that a reference will name. */
  readonly root: SourceManifest;
  /** A manifest that an index names, verified. @throws BerthError MANIFEST_BLOB_UNKNOWN */
  manifest(descriptor: Descriptor): Promise<SourceManifest>;
  /** @throws BerthError MANIFEST_BLOB_UNKNOWN, SIZE_INVALID */
  open(blob: Descriptor): Readable;
  has(digest: Digest): boolean;
  /** Repositories of `registry` that are thought to have the blob. */
  mountCandidates?(blob: Descriptor, registry: string): readonly string[];
  /** References that an archive itself names, familiar or whole. */
  readonly names: readonly string[];
  close(): Promise<void>;
}

export interface SourceManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
}
