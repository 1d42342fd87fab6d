import type { HttpBody, HttpConnection } from "./http-connection.js";

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** Uploads as docker, podman and skopeo do: POST, one PATCH with everything, PUT with the digest. */
export async function pushBlob(
  connection: HttpConnection,
  repository: string,
  blob: HttpBody & { readonly digest: string },
): Promise<void> {
  const started = await connection.expect(202, "POST", `/v2/${repository}/blobs/uploads/`);
  const headers = { "Content-Type": "application/octet-stream" };
  const sent = await connection.expect(202, "PATCH", location(started.headers), headers, blob);
  const target = location(sent.headers);
  const query = `${target.includes("?") ? "&" : "?"}digest=${encodeURIComponent(blob.digest)}`;
  await connection.expect(201, "PUT", `${target}${query}`, {}, { bytes: 0, pieces: [] });
}

/** Returns the manifest's digest. */
export async function pushManifest(
  connection: HttpConnection,
  repository: string,
  tag: string,
  manifest: object,
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const path = `/v2/${repository}/manifests/${tag}`;
  const body = { bytes: bytes.length, pieces: [bytes] };
  const reply = await connection.expect(201, "PUT", path, { "Content-Type": MANIFEST_TYPE }, body);
  const digest = reply.headers.get("docker-content-digest");
  if (digest === undefined) throw new Error(`PUT ${path} answered without Docker-Content-Digest`);
  return digest;
}

/** The Location header may be absolute or relative (distribution-spec, pushing a blob in chunks). */
function location(headers: ReadonlyMap<string, string>): string {
  const value = headers.get("location");
  if (value === undefined) throw new Error("an upload was answered without Location");
  return value.replace(/^https?:\/\/[^/]+/, "");
}
