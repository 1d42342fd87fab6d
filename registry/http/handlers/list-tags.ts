import type { Registry } from "../../registry.js";
import { pageOf } from "../pagination.js";
import { repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** distribution-spec, "Listing Tags". */
export function listTags({ tags, catalog }: Registry): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const all = await tags.list(name);
    if (all.length === 0) await catalog.assertKnown(name);
    const { items, link } = pageOf(ctx, all);
    if (link !== undefined) ctx.set("Link", link);
    sendJson(ctx, { name, tags: items });
  };
}
