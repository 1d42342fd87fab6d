import type { RegistryRequest } from "./request.js";

export function sendJson(ctx: RegistryRequest, body: unknown, type = "application/json"): void {
  // Set before the body, as a Buffer: Koa would add a charset, which oras-go and others refuse on OCI media types.
  ctx.set("Content-Type", type);
  ctx.body = Buffer.from(JSON.stringify(body));
}

/** An answer without a body: Koa would send the status text. */
export function sendEmpty(ctx: RegistryRequest, status: number): void {
  ctx.status = status;
  ctx.body = null;
  ctx.status = status;
  // RFC 9110, 8.6: a 204 carries no Content-Length; clients wait for the end of a 201 or 202 without one.
  if (status !== 204) ctx.set("Content-Length", "0");
}
