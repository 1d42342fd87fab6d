import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

import { pack, type Header } from "tar-stream";

import type { Digest } from "../../oci/digest.js";
import { MediaType } from "../../oci/media-types.js";

export interface TarEntry extends Partial<Header> {
  readonly name: string;
  readonly content?: string | Uint8Array;
}

/** An image made in memory: every blob and manifest by digest. */
export interface SmallImage {
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  readonly manifest: Digest;
  readonly config: Digest;
  /** Base first. */
  readonly layers: readonly { readonly digest: Digest; readonly diffId: Digest; readonly tar: Uint8Array }[];
}

/** Each list of entries is a layer; entries without a type are files. */
export async function smallImage(
  layers: readonly (readonly TarEntry[])[],
  platform = { os: "linux", architecture: "amd64" },
): Promise<SmallImage> {
  const tars = [];
  for (const entries of layers) tars.push(await tarOf(entries));
  return imageOfTars(tars, platform);
}

export function imageOfTars(
  tars: readonly Uint8Array[],
  platform = { os: "linux", architecture: "amd64" },
): SmallImage {
  const blobs = new Map<Digest, Uint8Array>();
  const keep = (bytes: Uint8Array): { digest: Digest; size: number } => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { digest, size: bytes.byteLength };
  };
  const made = tars.map((tar) => ({ tar, diffId: sha256(tar), blob: keep(gzipSync(tar)) }));
  const config = keep(
    json({
      created: "2024-01-02T03:04:05Z",
      ...platform,
      config: { Cmd: ["/bin/sh"] },
      rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
      history: made.map((_, i) => ({ created: "2024-01-02T03:04:05Z", created_by: `step ${String(i)}` })),
    }),
  );
  const manifest = keep(
    json({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: { mediaType: MediaType.ociConfig, ...config },
      layers: made.map(({ blob }) => ({ mediaType: MediaType.ociLayerGzip, ...blob })),
    }),
  );
  return {
    blobs,
    manifest: manifest.digest,
    config: config.digest,
    layers: made.map(({ tar, diffId, blob }) => ({ tar, diffId, digest: blob.digest })),
  };
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    archive.entry({ mtime: new Date(0), ...header }, Buffer.from(content ?? ""));
  }
  archive.finalize();
  return buffer(archive);
}

/** Writes the image as an OCI layout, in which it is called `tag`. */
export function writeLayout(image: SmallImage, directory: string, tag: string): void {
  for (const [name, bytes] of layoutFiles(image, tag)) {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), bytes);
  }
}

/** The files of an OCI layout, blobs first: the order in which an archive should still be readable. */
export function layoutFiles(image: SmallImage, tag: string): [string, Uint8Array][] {
  const size = image.blobs.get(image.manifest)?.byteLength;
  return [
    ...[...image.blobs].map(([digest, bytes]): [string, Uint8Array] => [`blobs/${digest.replace(":", "/")}`, bytes]),
    [
      "index.json",
      json({
        schemaVersion: 2,
        manifests: [
          {
            mediaType: MediaType.ociManifest,
            digest: image.manifest,
            size,
            annotations: { "org.opencontainers.image.ref.name": tag },
          },
        ],
      }),
    ],
    ["oci-layout", json({ imageLayoutVersion: "1.0.0" })],
  ];
}
