import type { Registry } from "../../registry.js";
import { digestIn, repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** distribution-spec, "Deleting Blobs": 202, and 404 for a blob the repository does not have. */
export function deleteBlob({ blobs }: Registry): Handler {
  return async (ctx) => {
    await blobs.unlink(repositoryOf(ctx), digestIn(ctx));
    sendEmpty(ctx, 202);
  };
}
