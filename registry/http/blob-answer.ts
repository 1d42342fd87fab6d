import type { Digest } from "../../oci/digest.js";
import type { ByteSpan } from "../../storage/object-store.js";
import { parseByteRanges } from "./byte-range.js";
import type { RegistryRequest } from "./request.js";
import { sendChunks } from "./send-body.js";

/** Content never changes under a digest. */
const FOREVER = "max-age=31536000, immutable";
/** A proxy's cache would hand on to anybody what one caller may see (RFC 9111, 5.2.2.7); nginx heeds nothing less. */
const FOR_ONE_CALLER = `private, ${FOREVER}`;

/** Headers of every answer about a blob that is there. */
export function describeBlob(ctx: RegistryRequest, digest: Digest): void {
  ctx.set({
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    ETag: etagOf(digest),
    "Accept-Ranges": "bytes",
    "Cache-Control": ctx.get("Authorization") === "" ? FOREVER : FOR_ONE_CALLER,
  });
}

/** The parts that a request asks for, in its order; undefined for the whole. @throws BerthError RANGE_INVALID */
export function blobRanges(ctx: RegistryRequest, digest: Digest, size: number): readonly ByteSpan[] | undefined {
  const header = ctx.get("Range");
  if (header === "") return undefined;
  const condition = ctx.get("If-Range");
  // RFC 9110, 13.1.5: a part of something else than the client has is of no use to it.
  if (condition !== "" && condition !== etagOf(digest)) return undefined;
  // RFC 9110, 15.5.17: a 416 says how long the whole is.
  ctx.set("Content-Range", `bytes */${String(size)}`);
  const spans = parseByteRanges(header, size);
  ctx.remove("Content-Range");
  return spans;
}

/** The body, after status and headers. Past these a failure can only be told by cutting the connection. */
export async function sendBlob(ctx: RegistryRequest, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  ctx.respond = false;
  try {
    if (await sendChunks(ctx.res, chunks)) ctx.res.end();
    else ctx.res.destroy();
  } catch (error) {
    ctx.res.destroy();
    throw error;
  }
}

export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}
