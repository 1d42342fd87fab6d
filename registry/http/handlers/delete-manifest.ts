import { isBerthError } from "../../../oci/errors.js";
import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { referenceOf, repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** distribution-spec, "Deleting tags" and "Deleting Manifests": a tag goes alone, a manifest takes its tags along. */
export function deleteManifest({ manifests, tags, immutableTags, events }: Registry): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const reference = referenceOf(ctx);
    if ("tag" in reference) {
      immutableTags.assertDeletable(repository, reference.tag);
      await tags.delete(repository, reference.tag);
    } else {
      await immutableTags.assertUnneeded(repository, reference.digest);
      await manifests.delete(repository, reference.digest).catch(async (error: unknown) => {
        // An earlier attempt may have been cut off before it came to the tags: whoever tries again ends it.
        if (isBerthError(error, "MANIFEST_UNKNOWN")) await tags.deleteAllOf(repository, reference.digest);
        throw error;
      });
      await tags.deleteAllOf(repository, reference.digest);
    }
    await announce(ctx, events, "delete", { kind: "manifest", repository, ...reference });
    sendEmpty(ctx, 202);
  };
}
