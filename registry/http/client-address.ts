import { isIP, isIPv6 } from "node:net";

import type { Context } from "koa";

/** As some proxies append it: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:([\d.]+)|\[([^\]]+)\])(?::\d+)?$/;

/**
 * IP address of the client: the connection's, or what the nearest proxy appended to X-Forwarded-For when proxies are to be
 * believed (`app.proxy`; the rest of that header is what anybody may have written). Empty when the connection is gone.
 */
export function clientAddressOf(ctx: Context): string {
  const [, v4, v6] = WITH_PORT.exec(ctx.ip) ?? [];
  const told = v4 ?? v6 ?? ctx.ip;
  const address = isIP(told) === 0 ? (ctx.req.socket.remoteAddress ?? "") : told;
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

/** What limits count by: whoever has one IPv6 address has the 2^64 of its network. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const filled =
    tail === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - after.length).fill("0"), ...after];
  return filled
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(":");
}
