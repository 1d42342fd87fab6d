import type { ByteSpan, ObjectBody } from "../../../storage/object-store.js";
import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { blobRanges, describeBlob, etagOf, sendBlob } from "../blob-answer.js";
import { contentRange } from "../byte-range.js";
import { multipartRanges } from "../multipart-ranges.js";
import { digestIn, repositoryOf, storedNameOf } from "../path-parameters.js";
import type { Handler, RegistryRequest } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** A client may ask for many blobs at once and come to the last of them late; as long as distribution's. */
const URL_LIFETIME_SECONDS = 20 * 60;

/** distribution-spec, "Pulling blobs": 200 or 404, with the length and the digest. */
export function headBlob({ blobs }: Registry): Handler {
  return async (ctx) => {
    const digest = digestIn(ctx);
    const size = await blobs.stat(storedNameOf(ctx), digest);
    describeBlob(ctx, digest);
    ctx.status = 200;
    ctx.set("Content-Length", String(size));
    ctx.respond = false;
    ctx.res.end();
  };
}

/** distribution-spec, "Pulling blobs", and RFC 9110 for Range (206, 416), If-Range and If-None-Match (304). */
export function getBlob({ blobs, events, redirect }: Registry): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const stored = storedNameOf(ctx);
    const digest = digestIn(ctx);
    const size = await blobs.size(stored, digest);
    describeBlob(ctx, digest);
    if (namesTag(ctx.get("If-None-Match"), etagOf(digest))) {
      sendEmpty(ctx, 304);
      return;
    }
    const spans = blobRanges(ctx, digest, size);
    // A blob is pulled by whoever begins to; what it is was the manifest's to say.
    const mediaType = "application/octet-stream";
    if (events.hears("pull")) void announce(ctx, events, "pull", { kind: "blob", repository, digest, size, mediaType });
    if (redirect && sendElsewhere(ctx, await blobs.urlOf(stored, digest, URL_LIFETIME_SECONDS))) return;
    if (spans !== undefined && spans.length > 1) {
      await sendSeveral(ctx, size, spans, async (span) => await blobs.open(stored, digest, () => span));
      return;
    }
    const span = spans?.[0] ?? { start: 0, length: size };
    const body = await blobs.open(stored, digest, () => span);
    ctx.status = spans === undefined ? 200 : 206;
    ctx.set("Content-Length", String(span.length));
    if (spans !== undefined) ctx.set("Content-Range", contentRange(span, size));
    await sendBlob(ctx, body.chunks);
  };
}

/** The client asks there with the same headers, Range among them. */
function sendElsewhere(ctx: RegistryRequest, url: string | undefined): boolean {
  if (url === undefined) return false;
  for (const header of ["Content-Type", "ETag", "Accept-Ranges"]) ctx.remove(header);
  // What a cache may keep is the blob, not the way to it, which ends.
  ctx.set({ Location: url, "Cache-Control": "no-store" });
  sendEmpty(ctx, 307);
  return true;
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
  await sendBlob(ctx, parts.chunks(open));
}

/** If-None-Match: a list of entity tags, compared weakly, or `*` (RFC 9110, 13.1.2). */
function namesTag(header: string, etag: string): boolean {
  if (header === "") return false;
  return header.split(",").some((item) => ["*", etag].includes(item.trim().replace(/^W\//, "")));
}
