import { createWriteStream, readSync, openSync, closeSync } from "node:fs";
import { join } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createHash } from "node:crypto";
import { createGzip } from "node:zlib";

import { digestOf, finishDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import { MediaType } from "../../oci/media-types.js";
import { readSmall, streamExtent, type FileExtent, type FileTree } from "./blob-files.js";
import type { ImageSource } from "./image-source.js";

interface ManifestEntry {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/**
 * What `docker save` wrote before it wrote OCI layouts: manifest.json, configs and uncompressed layers. The layers are
 * compressed into `spool`, as registries expect them, and a schema 2 manifest is made for them.
 * @throws BerthError ARCHIVE_INVALID, IMAGE_UNKNOWN
 */
export async function openDockerArchive(tree: FileTree, spool: string, name?: string): Promise<ImageSource> {
  const entry = chooseEntry(readEntries(tree), name);
  const configBytes = readSmall(tree, entry.Config);
  const config = { mediaType: MediaType.dockerConfig, digest: digestOf(configBytes), size: configBytes.byteLength };
  const extents = new Map<Digest, FileExtent>();
  const layers: Descriptor[] = [];
  const done = new Map<string, Descriptor>();
  for (const layer of entry.Layers) {
    const known =
      done.get(layer) ?? (await compressLayer(tree, layer, join(spool, `layer-${String(done.size)}`), extents));
    done.set(layer, known);
    layers.push(known);
  }
  const manifest = { schemaVersion: 2, mediaType: MediaType.dockerManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(manifest, null, 3));
  const missing = (digest: string): BerthError =>
    new BerthError("MANIFEST_BLOB_UNKNOWN", `the archive has no ${digest}`);
  return {
    root: { bytes, mediaType: MediaType.dockerManifest, digest: digestOf(bytes) },
    names: entry.RepoTags ?? [],
    manifest: ({ digest }) => Promise.reject(missing(digest)),
    has: (digest) => digest === config.digest || extents.has(digest),
    open: ({ digest }): Readable => {
      const extent = digest === config.digest ? tree.find(entry.Config) : extents.get(digest);
      if (extent === undefined) throw missing(digest);
      return streamExtent(extent);
    },
    close: () => Promise.resolve(),
  };
}

function readEntries(tree: FileTree): ManifestEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(readSmall(tree, "manifest.json").toString());
  } catch (cause) {
    throw new BerthError("ARCHIVE_INVALID", "manifest.json in the archive is not JSON", { cause });
  }
  const isText = (value: unknown): boolean => typeof value === "string";
  const wellFormed = (value: unknown): value is ManifestEntry => {
    const entry = value as Partial<Record<keyof ManifestEntry, unknown>> | null;
    const tags = entry?.RepoTags ?? [];
    return (
      isText(entry?.Config) &&
      Array.isArray(tags) &&
      tags.every(isText) &&
      Array.isArray(entry?.Layers) &&
      entry.Layers.every(isText)
    );
  };
  if (!Array.isArray(json) || json.length === 0 || !json.every(wellFormed)) {
    throw new BerthError("ARCHIVE_INVALID", "manifest.json in the archive is not a list of images");
  }
  return json;
}

function chooseEntry(entries: readonly ManifestEntry[], name: string | undefined): ManifestEntry {
  const names = entries.flatMap(({ RepoTags }) => RepoTags ?? []);
  const matches = (tag: string): boolean => tag === name || tag.endsWith(`:${name ?? ""}`);
  const found =
    name === undefined
      ? entries.length === 1
        ? entries[0]
        : undefined
      : entries.find(({ RepoTags }) => RepoTags?.some(matches));
  if (found !== undefined) return found;
  throw name === undefined
    ? new BerthError(
        "ARCHIVE_INVALID",
        `the archive holds several images: choose one with PATH:TAG (${names.join(", ")})`,
      )
    : new BerthError("IMAGE_UNKNOWN", `the archive has no image ${JSON.stringify(name)}; it has ${names.join(", ")}`);
}

/** Layers that are compressed already (as podman writes them when told to) are taken as they are. */
async function compressLayer(
  tree: FileTree,
  name: string,
  file: string,
  extents: Map<Digest, FileExtent>,
): Promise<Descriptor> {
  const extent = tree.find(name);
  if (extent === undefined) throw new BerthError("ARCHIVE_INVALID", `the archive has no ${name}`);
  const hash = createHash("sha256");
  let size = 0;
  const meter = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Uint8Array, _encoding, next): void {
      hash.update(chunk);
      size += chunk.byteLength;
      next(null, chunk);
    },
  });
  if (isGzip(extent)) {
    await pipeline(streamExtent(extent), meter, async (chunks) => {
      for await (const _ of chunks);
    });
  } else {
    await pipeline(streamExtent(extent), createGzip({ level: 4 }), meter, createWriteStream(file, { flags: "wx" }));
  }
  const digest = finishDigest(hash, "sha256");
  extents.set(digest, isGzip(extent) ? extent : { path: file, start: 0, size });
  return { mediaType: MediaType.dockerLayerGzip, digest, size };
}

function isGzip({ path, start, size }: FileExtent): boolean {
  if (size < 2) return false;
  const fd = openSync(path, "r");
  try {
    const magic = Buffer.alloc(2);
    readSync(fd, magic, 0, 2, start);
    return magic[0] === 0x1f && magic[1] === 0x8b;
  } finally {
    closeSync(fd);
  }
}
