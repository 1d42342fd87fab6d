import { setTimeout as sleep } from "node:timers/promises";

import { algorithmOf, type Digest } from "../../../oci/digest.js";
import { BerthError, isBerthError } from "../../../oci/errors.js";
import type { Registry } from "../../registry.js";
import type { HeldUpload } from "../../uploads/held-upload.js";
import type { Locations } from "../locations.js";
import { callerOf } from "../caller.js";
import { partyOf } from "../party.js";
import { queriedDigest, repositoryOf } from "../path-parameters.js";
import { commitUpload } from "../commit-upload.js";
import { announcedLength } from "../request-body.js";
import { receiveInto } from "../receive-upload.js";
import type { Handler, RegistryRequest } from "../request.js";
import { answerCreated, tellingPlace } from "../upload-answers.js";
import { checkPlace, leaveOnError } from "./patch-upload.js";

/** Between looks whether another request has committed the upload. */
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

/** PUT <location>?digest=<digest>: takes the whole blob or its last chunk, if any, and commits it. */
export function putUpload(registry: Registry, locations: Locations): Handler {
  const { uploads, uncommitted, quotas } = registry;
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const digest = queriedDigest(ctx);
    if (digest === undefined) throw new BerthError("DIGEST_INVALID", "the digest parameter is missing");
    const id = ctx.params["id"] ?? "";
    const gauge = await quotas.gaugeFor(name, digest);
    const owner = { repository: name, client: partyOf(ctx) };
    await uncommitted.refresh(owner);
    await tellingPlace(ctx, locations, { name, id }, async () => {
      const closing = announcedLength(ctx.req) === 0 && ctx.get("Content-Range") === "";
      const held = await unlessThere(ctx, registry, { name, digest }, async () => {
        return await uploads.acquire(name, id, { closing, digest });
      });
      if (held === undefined) return;
      await leaveOnError(held, () => {
        checkPlace(ctx, held);
      });
      held.session.expectAlgorithm(algorithmOf(digest));
      await receiveInto(ctx, held, [gauge, uncommitted.gaugeOf(id, owner, held.session.size)], async () => {
        await commitUpload(ctx, registry, name, digest, held);
      });
    });
    answerCreated(ctx, locations, name, digest);
  };
}

/**
 * A client that has not heard of its commit asks for it again. While it goes on there is nothing to do but to wait for it; then the
 * session is over, and what was asked for is there: that is said, but only to those who may know it.
 */
async function unlessThere(
  ctx: RegistryRequest,
  { blobs }: Registry,
  { name, digest }: { readonly name: string; readonly digest: Digest },
  acquire: () => Promise<HeldUpload>,
): Promise<HeldUpload | undefined> {
  for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await acquire();
    } catch (error) {
      const isOver = isBerthError(error, "UPLOAD_UNKNOWN") && callerOf(ctx).mayPull(name);
      if (isOver && (await blobs.isKept(name, digest))) return undefined;
      const isUnderWay = isBerthError(error, "RANGE_INVALID") && error.details["digest"] === digest;
      if (!isUnderWay || ctx.req.socket.destroyed) throw error;
    }
    await sleep(pauseMs);
  }
}
