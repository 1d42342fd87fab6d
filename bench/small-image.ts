import { uniqueBlob } from "./blob-content.js";
import type { HttpConnection } from "./http-connection.js";
import { MANIFEST_TYPE, pushBlob, pushManifest } from "./registry-client.js";

export interface PushedImage {
  readonly digest: string;
  readonly manifest: object;
  /** Of the config and the layers. */
  readonly blobs: readonly string[];
}

/** Pushes an image that shares nothing with any other. */
export async function pushSmallImage(
  connection: HttpConnection,
  repository: string,
  tag: string,
  { layers, layerBytes }: { readonly layers: number; readonly layerBytes: number },
): Promise<PushedImage> {
  const blobs = [uniqueBlob(1024), ...Array.from({ length: layers }, () => uniqueBlob(layerBytes))];
  for (const blob of blobs) await pushBlob(connection, repository, blob);
  const [config, ...rest] = blobs.map(({ digest, bytes }) => ({ digest, size: bytes }));
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: rest.map((layer) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer })),
  };
  const digest = await pushManifest(connection, repository, tag, manifest);
  return { digest, manifest, blobs: blobs.map((blob) => blob.digest) };
}
