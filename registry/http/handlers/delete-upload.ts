import type { Registry } from "../../registry.js";
import { repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** Cancels a session: 204, and its bytes are gone. */
export function deleteUpload({ uploads }: Registry): Handler {
  return async (ctx) => {
    const held = await uploads.acquire(repositoryOf(ctx), ctx.params["id"] ?? "");
    await held.cancel();
    sendEmpty(ctx, 204);
  };
}
