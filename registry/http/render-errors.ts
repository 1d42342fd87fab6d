import { randomUUID } from "node:crypto";

import type { Context, Middleware } from "koa";
import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import { answerFor } from "./error-table.js";
import { methodNotAllowed } from "./routes.js";

/**
 * The outermost middleware, and the only place where an error becomes an answer: `{errors: [{code, message, detail}]}`
 * (distribution-spec, "Error Codes"). Also gives requests that fail or change something an ID, and logs them.
 */
export function renderErrors(log: Logger): Middleware {
  return async (ctx, next) => {
    const changes = ctx.method !== "GET" && ctx.method !== "HEAD";
    const started = changes ? performance.now() : 0;
    const id = changes ? identify(ctx) : "";
    try {
      await next();
      if (ctx.status === 405) throw methodNotAllowed();
      if (ctx.status === 404 && ctx.respond !== false) throw new BerthError("NAME_UNKNOWN", "there is nothing here");
      if (changes) {
        log.info({ id, method: ctx.method, path: ctx.path, status: ctx.status, ms: elapsed(started) }, "request");
      } else if (log.isLevelEnabled("debug")) {
        log.debug({ method: ctx.method, path: ctx.path, status: ctx.status }, "request");
      }
    } catch (error) {
      fail(ctx, error, id === "" ? identify(ctx) : id, log);
    }
  };
}

/** Headers that a handler may have set before it failed and that do not hold for an error. */
const OF_THE_CONTENT = ["ETag", "Cache-Control", "Accept-Ranges", "Docker-Content-Digest", "OCI-Chunk-Min-Length"];

function fail(ctx: Context, error: unknown, id: string, log: Logger): void {
  const known = error instanceof BerthError ? error : undefined;
  const { status, code } = answerFor(known?.code ?? "STORAGE");
  const about = { id, method: ctx.method, path: ctx.path, status };
  if (status >= 500) log.error({ ...about, err: error }, known?.message ?? "unexpected error");
  else log.debug({ ...about, code }, known?.message ?? "");
  // The unread rest of a body must go by before a client that is still sending it can read the answer.
  ctx.req.resume();
  if (ctx.res.headersSent || ctx.res.destroyed) {
    ctx.res.destroy();
    return;
  }
  const message = status < 500 || known?.code === "NO_SPACE" ? known?.message : `internal error, request ${id}`;
  const body = { errors: [{ code, message, detail: status < 500 ? known?.details : undefined }] };
  ctx.respond = true;
  for (const name of OF_THE_CONTENT) ctx.remove(name);
  ctx.status = status;
  ctx.set("Content-Type", "application/json");
  ctx.body = Buffer.from(JSON.stringify(body));
}

/** A proxy's request ID is kept when it looks like one: it goes into the log. */
function identify(ctx: Context): string {
  const given = ctx.get("X-Request-Id");
  const id = /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
  ctx.set("X-Request-Id", id);
  return id;
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started);
}
