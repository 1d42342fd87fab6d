import { algorithmOf } from "../../../oci/digest.js";
import { BerthError } from "../../../oci/errors.js";
import type { Registry } from "../../registry.js";
import type { Locations } from "../locations.js";
import { partyOf } from "../party.js";
import { queriedDigest, repositoryOf } from "../path-parameters.js";
import { commitUpload } from "../commit-upload.js";
import { announcedLength } from "../request-body.js";
import { receiveInto } from "../receive-upload.js";
import type { Handler } from "../request.js";
import { answerCreated, tellingPlace } from "../upload-answers.js";
import { checkPlace, leaveOnError } from "./patch-upload.js";

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
      const held = await uploads.acquire(name, id, { closing });
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
