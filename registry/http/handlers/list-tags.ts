import type { Registry } from "../../registry.js";
import { pageOf, partOf } from "../pagination.js";
import { repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** distribution-spec, "Listing Tags". */
export function listTags({ tags, catalog }: Registry): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const some = await tags.list(name, partOf(ctx));
    if (some.length === 0) await catalog.assertKnown(name);
    const { items, link } = pageOf(ctx, some);
    if (link !== undefined) ctx.set("Link", link);
    sendJson(ctx, { name, tags: items });
  };
}
