import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { parseReference } from "../../oci/reference.js";
import type { ImageSource, SourceManifest } from "../archive/image-source.js";
import type { Image } from "../store/local-store-contract.js";
import type { WritableStore } from "../store/local-store.js";

/** An image of the local store: its manifest and blobs are sent as they came, so that digests do not change. */
export function openStoredImage(store: WritableStore, image: Image): ImageSource {
  const { content, distribution } = store;
  if (image.manifest === undefined) {
    throw new BerthError("STORAGE", `image ${image.id} has no manifest on record: pull or import it again`);
  }
  const load = (digest: Digest): SourceManifest => {
    const bytes = content.read(digest);
    return { bytes, digest, mediaType: parseManifest(bytes).mediaType };
  };
  return {
    root: load(image.manifest),
    names: image.repoTags,
    manifest: ({ digest }) => Promise.resolve(load(digest)),
    has: (digest) => content.has(digest),
    open: ({ digest }) => content.open(digest),
    mountCandidates: ({ digest }: Descriptor, registry) => {
      const diffId = distribution.diffIdOf(digest);
      if (diffId === undefined) return [];
      return distribution
        .originsOf(diffId)
        .filter((origin) => origin.Digest === digest)
        .map((origin) => parseReference(origin.SourceRepository))
        .filter((reference) => reference.registry === registry)
        .map(({ repository }) => repository)
        .toReversed();
    },
    close: () => Promise.resolve(),
  };
}
