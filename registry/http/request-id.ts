import { randomUUID } from "node:crypto";

import type { Context } from "koa";

/**
 * The request's ID, also sent back as X-Request-Id. A client's or proxy's own is kept when it looks like one: it goes into
 * the log. Made when it is first asked for, because most pulls never need one.
 */
export function requestIdOf(ctx: Context): string {
  const known: unknown = ctx.state["requestId"];
  if (typeof known === "string") return known;
  const given = ctx.get("X-Request-Id");
  const id = /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
  ctx.state["requestId"] = id;
  if (!ctx.res.headersSent) ctx.set("X-Request-Id", id);
  return id;
}
