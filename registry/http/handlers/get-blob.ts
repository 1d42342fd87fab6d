import type { Digest } from "../../../oci/digest.js";
import type { ByteSpan, ObjectBody } from "../../../storage/object-store.js";
import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { contentRange, parseByteRanges } from "../byte-range.js";
import { multipartRanges } from "../multipart-ranges.js";
import { digestIn, repositoryOf } from "../path-parameters.js";
import type { Handler, RegistryRequest } from "../request.js";
import { sendChunks } from "../send-body.js";
import { sendEmpty } from "../send-json.js";

/** Content never changes under a digest. */
const FOREVER = "max-age=31536000, immutable";

/** distribution-spec, "Pulling blobs": 200 or 404, with the length and the digest. */
export function headBlob({ blobs }: Registry): Handler {
  return async (ctx) => {
    const digest = digestIn(ctx);
    const size = await blobs.stat(repositoryOf(ctx), digest);
    describe(ctx, digest);
    ctx.status = 200;
    ctx.set("Content-Length", String(size));
    ctx.respond = false;
    ctx.res.end();
  };
}

/** distribution-spec, "Pulling blobs", and RFC 9110 for Range (206, 416), If-Range and If-None-Match (304). */
export function getBlob({ blobs, events }: Registry): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestIn(ctx);
    const size = await blobs.size(repository, digest);
    describe(ctx, digest);
    if (namesTag(ctx.get("If-None-Match"), etagOf(digest))) {
      sendEmpty(ctx, 304);
      return;
    }
    const spans = rangesOf(ctx, digest, size);
    // A blob is pulled by whoever begins to; what it is was the manifest's to say.
    const mediaType = "application/octet-stream";
    if (events.isHeard) void announce(ctx, events, "pull", { kind: "blob", repository, digest, size, mediaType });
    if (spans !== undefined && spans.length > 1) {
      await sendSeveral(ctx, size, spans, async (span) => await blobs.open(repository, digest, () => span));
      return;
    }
    const span = spans?.[0] ?? { start: 0, length: size };
    const body = await blobs.open(repository, digest, () => span);
    ctx.status = spans === undefined ? 200 : 206;
    ctx.set("Content-Length", String(span.length));
    if (spans !== undefined) ctx.set("Content-Range", contentRange(span, size));
    await stream(ctx, body.chunks);
  };
}

function describe(ctx: RegistryRequest, digest: Digest): void {
  ctx.set({
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    ETag: etagOf(digest),
    "Accept-Ranges": "bytes",
    "Cache-Control": FOREVER,
  });
}

function rangesOf(ctx: RegistryRequest, digest: Digest, size: number): readonly ByteSpan[] | undefined {
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

async function sendSeveral(
  ctx: RegistryRequest,
  size: number,
  spans: readonly ByteSpan[],
  open: (span: ByteSpan) => Promise<ObjectBody>,
): Promise<void> {
  const parts = multipartRanges("application/octet-stream", size, spans);
  ctx.status = 206;
  ctx.set("Content-Type", parts.contentType);
  ctx.set("Content-Length", String(parts.length));
  await stream(ctx, parts.chunks(open));
}

/** Past the headers a failure can only be told by cutting the connection. */
async function stream(ctx: RegistryRequest, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  ctx.respond = false;
  try {
    if (await sendChunks(ctx.res, chunks)) ctx.res.end();
    else ctx.res.destroy();
  } catch (error) {
    ctx.res.destroy();
    throw error;
  }
}

function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

/** If-None-Match: a list of entity tags, compared weakly, or `*` (RFC 9110, 13.1.2). */
function namesTag(header: string, etag: string): boolean {
  if (header === "") return false;
  return header.split(",").some((item) => ["*", etag].includes(item.trim().replace(/^W\//, "")));
}
