import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { referenceOf, repositoryOf, storedNameOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/**
 * distribution-spec, "Pulling manifests"; HEAD as well. The stored bytes are served whatever Accept says: other bytes would
 * have another digest.
 */
export function getManifest({ manifests, tags, events }: Registry): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const stored = storedNameOf(ctx);
    const reference = referenceOf(ctx);
    const digest = "digest" in reference ? reference.digest : await tags.resolve(stored, reference.tag);
    const manifest = await manifests.get(stored, digest);
    const etag = `"${digest}"`;
    ctx.set("Docker-Content-Digest", digest);
    ctx.set("ETag", etag);
    const condition = ctx.get("If-None-Match");
    if (condition !== "" && condition.includes(etag)) {
      sendEmpty(ctx, 304);
      return;
    }
    ctx.set("Content-Type", manifest.mediaType);
    ctx.body = manifest.bytes;
    if (ctx.method === "HEAD" || !events.hears("pull")) return;
    const { mediaType } = manifest;
    void announce(ctx, events, "pull", {
      kind: "manifest",
      repository,
      digest,
      mediaType,
      size: manifest.bytes.length,
      ...("tag" in reference && { tag: reference.tag }),
    });
  };
}
