import type { Registry } from "../../registry.js";
import { repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** Cancels a session, also under a request that is writing to it: 204, and its bytes are gone. */
export function deleteUpload({ uploads }: Registry): Handler {
  return async (ctx) => {
    await uploads.cancel(repositoryOf(ctx), ctx.params["id"] ?? "");
    sendEmpty(ctx, 204);
  };
}
