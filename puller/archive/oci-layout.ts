import { digestOf } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { findBlob, readBlob, readSmall, streamExtent, blobName, type FileTree } from "./blob-files.js";
import type { ImageSource, SourceManifest } from "./image-source.js";

const REF_NAME = "org.opencontainers.image.ref.name";
// containerd's and Docker's, with the whole reference.
const IMAGE_NAME = "io.containerd.image.name";

/**
 * An OCI image layout (image-spec, image-layout.md).
 * @param name tag or reference to choose from index.json; default: the only entry, or the whole index when it is itself
 * a multi-platform image
 * @throws BerthError ARCHIVE_INVALID, IMAGE_UNKNOWN
 */
export function openOciLayout(tree: FileTree, name?: string): ImageSource {
  readSmall(tree, "oci-layout");
  const index = parseManifest(readSmall(tree, "index.json"));
  if (index.kind !== "index")
    throw new BerthError("ARCHIVE_INVALID", "index.json in the archive is not an image index");
  const entry = chooseEntry(index.manifests, name);
  const load = (descriptor: Descriptor): SourceManifest => {
    const bytes = readBlob(tree, descriptor);
    return { bytes, digest: descriptor.digest, mediaType: descriptor.mediaType };
  };
  return {
    root: entry === undefined ? wholeIndex(readSmall(tree, "index.json"), index.mediaType) : load(entry),
    names: entry === undefined ? [] : namesOf(entry),
    manifest: (descriptor) => Promise.resolve(load(descriptor)),
    open: (blob) => streamExtent(findBlob(tree, blob)),
    has: (digest) => tree.find(blobName(digest)) !== undefined,
    close: () => Promise.resolve(),
  };
}

/** Undefined: the index itself. */
function chooseEntry(entries: readonly Descriptor[], name: string | undefined): Descriptor | undefined {
  if (name !== undefined) {
    const named = entries.find((entry) => namesOf(entry).some((one) => one === name || one.endsWith(`:${name}`)));
    if (named !== undefined) return named;
    const others = entries.flatMap(namesOf);
    throw new BerthError(
      "IMAGE_UNKNOWN",
      `the archive has no image ${JSON.stringify(name)}; it has ${others.length === 0 ? "no names" : others.join(", ")}`,
    );
  }
  if (entries.length === 1) return entries[0];
  const platforms = new Set(entries.map(({ platform }) => platform && JSON.stringify(platform)));
  if (entries.length > 1 && platforms.size === entries.length && !platforms.has(undefined)) return undefined;
  const names = entries.flatMap(namesOf);
  throw new BerthError(
    "ARCHIVE_INVALID",
    entries.length === 0
      ? "the archive holds no image"
      : `the archive holds several images: choose one with PATH:NAME (${names.join(", ")})`,
  );
}

function namesOf({ annotations }: Descriptor): string[] {
  return [annotations?.[IMAGE_NAME], annotations?.[REF_NAME]].filter((name) => name !== undefined);
}

function wholeIndex(bytes: Uint8Array, mediaType: string): SourceManifest {
  return { bytes, mediaType, digest: digestOf(bytes) };
}
