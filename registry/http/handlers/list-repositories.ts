import { COPY_PREFIX, isCopyName } from "../../mirror/copy-name.js";
import type { Registry } from "../../registry.js";
import { callerOf } from "../caller.js";
import { pageOf, partOf } from "../pagination.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/**
 * Not of the distribution-spec but of Docker's API before it: GET /v2/_catalog. Names what was pushed here and the caller may
 * pull; copies of other registries' repositories have names that nobody can ask for.
 */
export function listRepositories({ catalog }: Registry): Handler {
  return async (ctx) => {
    const caller = callerOf(ctx);
    const part = caller.sources === undefined ? partOf(ctx) : undefined;
    const visible =
      part === undefined
        ? (await catalog.list()).filter((name) => !isCopyName(name) && caller.mayPull(name))
        : await catalog.page({ ...part, without: COPY_PREFIX });
    const { items, link } = pageOf(ctx, visible);
    if (link !== undefined) ctx.set("Link", link);
    sendJson(ctx, { repositories: items });
  };
}
