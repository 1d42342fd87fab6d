import { spawn } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

export interface LayerSource {
  /** The directory that becomes the layer, with owners and modes as they are. */
  readonly directory: string;
  readonly createdBy: string;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Fills the directory `layout` with an OCI image layout that holds one image of gzip layers, named `tag`. */
export async function writeOciLayout(layout: string, tag: string, layers: readonly LayerSource[]): Promise<void> {
  const blobs = join(layout, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const packed = [];
  for (const { directory } of layers) packed.push(await packLayer(blobs, directory));
  const created = new Date(0).toISOString();
  const config = await writeJson(blobs, {
    created,
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: packed.map(({ diffId }) => diffId) },
    history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
  });
  const manifest = await writeJson(blobs, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: packed.map(({ digest, size }) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest,
      size,
    })),
  });
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [
      {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        ...manifest,
        annotations: { "org.opencontainers.image.ref.name": tag },
      },
    ],
  };
  await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(layout, "index.json"), JSON.stringify(index));
}

async function packLayer(blobs: string, directory: string): Promise<Blob & { readonly diffId: string }> {
  const tar = spawn("tar", ["--create", "--sort=name", "--numeric-owner", "--directory", directory, "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const status = new Promise<number | null>((resolve, reject) => {
    tar.once("error", reject);
    tar.once("close", resolve);
  });
  const [inner, outer] = [createHash("sha256"), createHash("sha256")];
  const partial = join(blobs, "layer.partial");
  await pipeline(tar.stdout, hashing(inner), createGzip(), hashing(outer), createWriteStream(partial));
  if ((await status) !== 0) throw new Error(`tar of ${directory} ended with ${await status}`);
  const hex = outer.digest("hex");
  await rename(partial, join(blobs, hex));
  const { size } = await stat(join(blobs, hex));
  return { digest: `sha256:${hex}`, size, diffId: `sha256:${inner.digest("hex")}` };
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

async function writeJson(blobs: string, value: unknown): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(value));
  const hex = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(blobs, hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
