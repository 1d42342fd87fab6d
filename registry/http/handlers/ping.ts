import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** distribution-spec, "Determining Support": 200 says that this API is spoken here. */
export function ping(): Handler {
  return async (ctx) => {
    sendJson(ctx, {});
    await Promise.resolve();
  };
}
