import { isCopyName } from "../../mirror/copy-name.js";
import type { Registry } from "../../registry.js";
import { callerOf } from "../caller.js";
import { pageOf } from "../pagination.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/**
 * Not of the distribution-spec but of Docker's API before it: GET /v2/_catalog. Names what was pushed here and the caller may
 * pull; copies of other registries' repositories have names that nobody can ask for.
 */
export function listRepositories({ catalog }: Registry): Handler {
  return async (ctx) => {
    const caller = callerOf(ctx);
    const all = (await catalog.list()).filter((name) => !isCopyName(name));
    const visible = caller.sources === undefined ? all : all.filter((name) => caller.mayPull(name));
    const { items, link } = pageOf(ctx, visible);
    if (link !== undefined) ctx.set("Link", link);
    sendJson(ctx, { repositories: items });
  };
}
