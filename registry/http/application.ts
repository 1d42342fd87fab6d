import Koa, { type Middleware } from "koa";
import type { Logger } from "pino";

import { errnoOf } from "../../oci/errors.js";
import type { Registry } from "../registry.js";
import type { Locations } from "./locations.js";
import { renderErrors } from "./render-errors.js";
import { registryRoutes, type Detour, type Endpoint, type Guard } from "./routes.js";

export interface ApplicationOptions {
  readonly registry: Registry;
  readonly locations: Locations;
  readonly log: Logger;
  readonly guards: readonly Guard[];
  /** Routes beside the Distribution API's. */
  readonly endpoints?: readonly Endpoint[];
  readonly detour?: Detour | undefined;
  /** Believe X-Forwarded-For: the registry is behind a proxy that sets it. */
  readonly trustForwarded: boolean;
  /** Log GET and HEAD too, and not only what changes something. */
  readonly logPulls: boolean;
  /** Run around everything else, the first outermost; see each answer as it will be sent. */
  readonly middleware: readonly Middleware[];
}

export function registryApplication(options: ApplicationOptions): Koa {
  const { registry, locations, log, guards, endpoints, detour, trustForwarded, middleware } = options;
  // Of X-Forwarded-For only what the nearest proxy has appended is to be believed.
  const app = new Koa({ proxy: trustForwarded, maxIpsCount: 1 });
  app.on("error", (error: unknown) => {
    const broken = codeOfBrokenConnection(error);
    if (broken === undefined) log.error({ err: error }, "an answer could not be sent");
    else log.debug({ code: broken }, "a client's connection broke");
  });
  for (const outer of middleware) app.use(outer);
  app.use(async (ctx, next) => {
    // Docker asks for it before it speaks this API.
    ctx.res.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    ctx.res.setHeader("X-Content-Type-Options", "nosniff");
    await next();
  });
  app.use(renderErrors(log, options.logPulls));
  const router = registryRoutes(registry, locations, guards, endpoints, detour);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Anybody can bring that about: a client that goes away, or whose body is not what HTTP takes for one. */
function codeOfBrokenConnection(error: unknown): string | undefined {
  const code = errnoOf(error);
  return code !== undefined && /^(EPIPE|ECONNRESET|ETIMEDOUT|HPE_\w+)$/.test(code) ? code : undefined;
}
