import type { Context, Middleware } from "koa";
import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import { isRepositoryName } from "../../oci/reference.js";
import { callerOf } from "./caller.js";
import { clientAddressOf } from "./client-address.js";
import { answerFor } from "./error-table.js";
import { Refusal } from "./refusal.js";
import { requestIdOf } from "./request-id.js";
import type { RegistryRequest } from "./request.js";
import { methodNotAllowed } from "./routes.js";

const MAX_PATH = 1024;
/** Of a 503 where nobody knows better. */
const RETRY_AFTER_SECONDS = "5";

/**
 * The only place where an error becomes an answer: `{errors: [{code, message, detail}]}` (distribution-spec, "Error Codes").
 * Also logs what changes something, and pulls when they are asked for by `logPulls` or the log's level.
 */
export function renderErrors(log: Logger, logPulls: boolean): Middleware {
  return async (ctx, next) => {
    const changes = ctx.method !== "GET" && ctx.method !== "HEAD";
    const started = changes || logPulls ? performance.now() : 0;
    // Pulls get an ID when somebody asks for it: most never need one.
    if (changes || ctx.req.headers["x-request-id"] !== undefined) requestIdOf(ctx);
    try {
      await next();
      // 501: the router's answer to methods that no route has.
      if (ctx.status === 405 || ctx.status === 501) throw methodNotAllowed();
      if (ctx.status === 404 && ctx.respond !== false) throw new BerthError("NAME_UNKNOWN", "there is nothing here");
      if (changes || logPulls) log.info({ ...about(ctx), ms: Math.round(performance.now() - started) }, "request");
      else if (log.isLevelEnabled("debug")) log.debug(about(ctx), "request");
    } catch (error) {
      fail(ctx, error, log);
    }
  };
}

/** What a record says of a request; of its headers nothing, because some are secret. */
function about(ctx: Context): object {
  const { user } = callerOf(ctx as RegistryRequest);
  return {
    id: requestIdOf(ctx),
    method: ctx.method,
    path: ctx.path.slice(0, MAX_PATH),
    status: ctx.status,
    address: clientAddressOf(ctx),
    ...(user !== "" && { user }),
  };
}

/** Whatever the log's level, a refusal is counted (../observability/request-counts.ts). */
function tellOfRefusal(ctx: Context, refusal: Refusal, status: number, log: Logger): void {
  const { reason, account, isRoutine, message } = refusal;
  ctx.state["refusal"] = reason;
  const level = isRoutine ? "debug" : "info";
  if (!log.isLevelEnabled(level)) return;
  const operation: unknown = ctx.state["operation"];
  const repository = nameIn(ctx);
  log[level](
    {
      ...about(ctx),
      status,
      reason,
      ...(typeof operation === "string" && { operation }),
      ...(repository !== undefined && { repository }),
      ...(account !== undefined && { account }),
      why: message,
    },
    "refused",
  );
}

/** What a client writes there is told only when it is a name. */
function nameIn(ctx: Context): string | undefined {
  const { name } = (ctx as RegistryRequest).params ?? {};
  return name !== undefined && isRepositoryName(name) ? name : undefined;
}

/** Headers that a handler may have set before it failed and that do not hold for an error. */
const OF_THE_CONTENT = ["ETag", "Cache-Control", "Accept-Ranges", "Docker-Content-Digest", "OCI-Chunk-Min-Length"];

function fail(ctx: Context, error: unknown, log: Logger): void {
  const known = error instanceof BerthError ? error : undefined;
  const { status, code, isTold = status < 500 } = answerFor(known?.code ?? "STORAGE");
  const id = requestIdOf(ctx);
  if (known instanceof Refusal) tellOfRefusal(ctx, known, status, log);
  else if (status >= 500) log.error({ ...about(ctx), status, err: error }, known?.message ?? "unexpected error");
  else if (log.isLevelEnabled("debug")) log.debug({ ...about(ctx), status, code }, known?.message ?? "");
  // The unread rest of a body must go by before a client that is still sending it can read the answer.
  ctx.req.resume();
  if (ctx.res.headersSent || ctx.res.destroyed) {
    ctx.res.destroy();
    return;
  }
  const message = isTold ? known?.message : `internal error, request ${id}`;
  const body = { errors: [{ code, message, detail: status < 500 ? known?.details : undefined }] };
  ctx.respond = true;
  for (const name of OF_THE_CONTENT) ctx.remove(name);
  ctx.status = status;
  if (status === 503 && !ctx.res.hasHeader("Retry-After")) ctx.set("Retry-After", RETRY_AFTER_SECONDS);
  ctx.set("Content-Type", "application/json");
  ctx.body = Buffer.from(JSON.stringify(body));
}
