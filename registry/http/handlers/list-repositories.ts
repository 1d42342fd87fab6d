import type { Registry } from "../../registry.js";
import { pageOf } from "../pagination.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** Not of the distribution-spec but of Docker's API before it: GET /v2/_catalog. */
export function listRepositories({ catalog }: Registry): Handler {
  return async (ctx) => {
    const { items, link } = pageOf(ctx, await catalog.list());
    if (link !== undefined) ctx.set("Link", link);
    sendJson(ctx, { repositories: items });
  };
}
