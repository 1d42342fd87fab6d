import Koa, { type Middleware } from "koa";
import type { Logger } from "pino";

import type { Registry } from "../registry.js";
import type { Locations } from "./locations.js";
import { renderErrors } from "./render-errors.js";
import { registryRoutes, type Endpoint, type Guard } from "./routes.js";

export interface ApplicationOptions {
  readonly registry: Registry;
  readonly locations: Locations;
  readonly log: Logger;
  readonly guards: readonly Guard[];
  /** Routes beside the Distribution API's. */
  readonly endpoints?: readonly Endpoint[];
  /** Runs around everything else; sees each answer as it will be sent. */
  readonly observe?: Middleware;
}

export function registryApplication(options: ApplicationOptions): Koa {
  const { registry, locations, log, guards, endpoints, observe } = options;
  const app = new Koa();
  app.on("error", (error: unknown) => {
    log.error({ err: error }, "an answer could not be sent");
  });
  if (observe !== undefined) app.use(observe);
  app.use(async (ctx, next) => {
    // Docker asks for it before it speaks this API.
    ctx.res.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    ctx.res.setHeader("X-Content-Type-Options", "nosniff");
    await next();
  });
  app.use(renderErrors(log));
  const router = registryRoutes(registry, locations, guards, endpoints);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}
