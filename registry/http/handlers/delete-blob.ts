import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { digestIn, repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** distribution-spec, "Deleting Blobs": 202, and 404 for a blob the repository does not have. */
export function deleteBlob({ blobs, immutableTags, events }: Registry): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestIn(ctx);
    await immutableTags.assertUnneeded(repository, digest);
    await blobs.unlink(repository, digest);
    await announce(ctx, events, "delete", { kind: "blob", repository, digest });
    sendEmpty(ctx, 202);
  };
}
