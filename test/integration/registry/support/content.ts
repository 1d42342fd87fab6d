import { randomBytes } from "node:crypto";

import { digestOf, type Digest, type DigestAlgorithm } from "../../../../oci/digest.js";
import { MediaType } from "../../../../oci/media-types.js";
import type { TestRegistry } from "./test-registry.js";

export interface Content {
  readonly bytes: Buffer;
  readonly digest: Digest;
}

export interface Described extends Content {
  readonly mediaType: string;
}

export function contentOf(bytes: Buffer | string, algorithm: DigestAlgorithm = "sha256"): Content {
  const buffer = Buffer.from(bytes);
  return { bytes: buffer, digest: digestOf(buffer, algorithm) };
}

export function randomContent(size: number, algorithm: DigestAlgorithm = "sha256"): Content {
  return contentOf(randomBytes(size), algorithm);
}

export function descriptorOf({ mediaType, digest, bytes }: Described): object {
  return { mediaType, digest, size: bytes.length };
}

export async function pushBlob(registry: TestRegistry, name: string, blob: Content): Promise<void> {
  await registry.expect(201, "POST", `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, {
    body: new Uint8Array(blob.bytes),
  });
}

/** A JSON document of that media type. */
export function documentOf(mediaType: string, fields: object): Described {
  return { mediaType, ...contentOf(JSON.stringify({ schemaVersion: 2, mediaType, ...fields })) };
}

/** Pushes a config and layers, and gives the manifest that names them, not pushed. */
export async function imageIn(registry: TestRegistry, name: string, fields: object = {}): Promise<Described> {
  const config = {
    mediaType: MediaType.ociConfig,
    ...contentOf(JSON.stringify({ made: randomBytes(8).toString("hex") })),
  };
  const layers = [100, 2000].map((size) => ({ mediaType: MediaType.ociLayerGzip, ...randomContent(size) }));
  for (const blob of [config, ...layers]) await pushBlob(registry, name, blob);
  return documentOf(MediaType.ociManifest, {
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    ...fields,
  });
}

export async function putManifest(
  registry: TestRegistry,
  name: string,
  reference: string,
  manifest: Described,
  status = 201,
): Promise<Response> {
  return await registry.expect(status, "PUT", `/v2/${name}/manifests/${reference}`, {
    body: new Uint8Array(manifest.bytes),
    headers: { "Content-Type": manifest.mediaType },
  });
}

export async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}
