import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { parseManifest, type Manifest } from "../../oci/manifest.js";
import type { ManifestStore } from "../storage/manifest-store.js";

/** Digests of all manifests and blobs that the manifests `roots` of a repository are made of, `roots` themselves included. */
export async function reachableFrom(
  manifests: ManifestStore,
  repository: string,
  roots: Iterable<Digest>,
): Promise<Set<Digest>> {
  const reached = new Set<Digest>(roots);
  // A Set's iteration comes to what is added on the way.
  const open = new Set<Digest>(reached);
  for (const digest of open) {
    for (const { of, isManifest } of await partsOf(manifests, repository, digest)) {
      reached.add(of);
      if (isManifest) open.add(of);
    }
  }
  return reached;
}

interface Part {
  readonly of: Digest;
  readonly isManifest: boolean;
}

async function partsOf(manifests: ManifestStore, repository: string, digest: Digest): Promise<Part[]> {
  let manifest: Manifest;
  try {
    const { bytes, mediaType } = await manifests.get(repository, digest);
    manifest = parseManifest(bytes, mediaType);
  } catch (error) {
    if (isBerthError(error, "MANIFEST_UNKNOWN")) return [];
    throw error;
  }
  if (manifest.kind === "index") return manifest.manifests.map(({ digest: of }) => ({ of, isManifest: true }));
  if (manifest.kind !== "manifest") return [];
  return [manifest.config, ...manifest.layers].map(({ digest: of }) => ({ of, isManifest: false }));
}
