import { isIP } from "node:net";

import type { Context } from "koa";

/**
 * IP address of the client: the connection's, or what the nearest proxy appended to X-Forwarded-For when proxies are to be
 * believed (`app.proxy`; the rest of that header is what anybody may have written). Empty when the connection is gone.
 */
export function clientAddressOf(ctx: Context): string {
  const address = isIP(ctx.ip) === 0 ? (ctx.req.socket.remoteAddress ?? "") : ctx.ip;
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
