import { Transform, type Readable } from "node:stream";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { networkFailure, withRetries } from "./backoff.js";
import type { RegistrySession } from "./registry-session.js";
import { headerOf, type Answer } from "./response-error.js";

export interface BlobUpload {
  readonly digest: Digest;
  readonly size: number;
  /** A fresh stream of all the bytes, for each attempt. */
  readonly open: () => Readable | Uint8Array;
  /** A repository of the same registry that is thought to have the blob. */
  readonly mountFrom?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (sent: number) => void;
}

/** See RegistryClient.uploadBlob. POST for an upload (or a mount), then one PUT with all the bytes. */
export function uploadBlob(
  session: RegistrySession,
  repository: string,
  blob: BlobUpload,
): Promise<"uploaded" | "mounted"> {
  const { digest, size, signal } = blob;
  const what = `cannot push ${digest}`;
  let mountFrom = blob.mountFrom;
  return withRetries(session.limits, signal, async () => {
    const pushScope = `repository:${repository}:pull,push`;
    const begin = (from: string | undefined): Promise<Answer> =>
      session.callOnce({
        method: "POST",
        target: `/v2/${repository}/blobs/uploads/${from === undefined ? "" : mountQuery(digest, from)}`,
        // Some registries refuse a POST without a length.
        headers: { "content-length": "0" },
        scope: from === undefined ? pushScope : `${pushScope} repository:${from}:pull`,
        accept: [201, 202],
        what,
        missing: "NAME_UNKNOWN",
        signal,
      });
    const begun = await begin(mountFrom).catch((error: unknown) => {
      // Whoever may push here need not be allowed to read there: some registries refuse the mount instead of passing over it.
      if (mountFrom === undefined || !isBerthError(error, ...REFUSALS)) throw error;
      return begin(undefined);
    });
    if (begun.status === 201) return "mounted";
    mountFrom = undefined;
    const location = headerOf(begun.headers, "location");
    const origin = await session.origin(signal);
    const target = location === undefined ? null : URL.parse(location, `${origin}/v2/${repository}/blobs/uploads/`);
    if (target === null || !/^https?:$/.test(target.protocol)) {
      throw new BerthError("UPSTREAM", `${what}: the registry gave no address for the upload`);
    }
    // Appended, not set: the rest of the query may be signed and must stay byte for byte.
    target.search += `${target.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`;
    await session.callOnce({
      method: "PUT",
      target,
      headers: { "content-type": "application/octet-stream", "content-length": String(size) },
      body: () => counted(blob, signal, what),
      scope: pushScope,
      accept: [201, 204],
      what,
      missing: "BLOB_UPLOAD_INVALID",
      signal,
    });
    return "uploaded";
  });
}

const REFUSALS = ["UNAUTHORIZED", "DENIED", "NAME_UNKNOWN", "UNSUPPORTED", "UPSTREAM"] as const;

function mountQuery(mount: Digest, from: string): string {
  return `?${new URLSearchParams({ mount, from }).toString()}`;
}

function counted(
  { open, onProgress }: BlobUpload,
  signal: AbortSignal | undefined,
  what: string,
): Readable | Uint8Array {
  const source = open();
  if (source instanceof Uint8Array) return source;
  if (onProgress === undefined) return source;
  let sent = 0;
  const counter = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Uint8Array, _encoding, done): void {
      sent += chunk.byteLength;
      onProgress(sent);
      done(null, chunk);
    },
  });
  source.on("error", (error) => counter.destroy(networkFailure(error, what, signal)));
  counter.on("close", () => source.destroy());
  return source.pipe(counter);
}
