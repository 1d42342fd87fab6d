import { openSync, closeSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

import { HttpConnection } from "./http-connection.js";
import { pushBlob, pushManifest } from "./registry-client.js";
import type { RegistryServer } from "./registry-server.js";

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageSize {
  readonly layers: number;
  readonly compressedBytes: number;
}

const PIECE_BYTES = 1024 * 1024;

/** Uploads the first image of an OCI layout, byte by byte as it is. */
export async function uploadImage(
  layout: string,
  server: RegistryServer,
  repository: string,
  tag: string,
): Promise<ImageSize> {
  const blobFile = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: Descriptor[] };
  const [first] = index.manifests;
  if (first === undefined) throw new Error(`${layout} holds no image`);
  const manifest = JSON.parse(readFileSync(blobFile(first.digest), "utf8")) as Manifest;
  const connection = await HttpConnection.open(server.port);
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    const file = blobFile(digest);
    await pushBlob(connection, repository, { digest, bytes: statSync(file).size, pieces: pieces(file) });
  }
  await pushManifest(connection, repository, tag, manifest);
  connection.close();
  const compressedBytes = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  return { layers: manifest.layers.length, compressedBytes };
}

function* pieces(file: string): Generator<Uint8Array> {
  const descriptor = openSync(file, "r");
  try {
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const length = readSync(descriptor, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}
