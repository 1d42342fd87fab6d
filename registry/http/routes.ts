import { Router } from "@koa/router";

import { BerthError } from "../../oci/errors.js";
import type { Registry } from "../registry.js";
import { deleteBlob } from "./handlers/delete-blob.js";
import { deleteManifest } from "./handlers/delete-manifest.js";
import { deleteUpload } from "./handlers/delete-upload.js";
import { getBlob, headBlob } from "./handlers/get-blob.js";
import { getManifest } from "./handlers/get-manifest.js";
import { getUpload } from "./handlers/get-upload.js";
import { listReferrers } from "./handlers/list-referrers.js";
import { listRepositories } from "./handlers/list-repositories.js";
import { listTags } from "./handlers/list-tags.js";
import { patchUpload } from "./handlers/patch-upload.js";
import { ping } from "./handlers/ping.js";
import { putManifest } from "./handlers/put-manifest.js";
import { putUpload } from "./handlers/put-upload.js";
import { startUpload } from "./handlers/start-upload.js";
import type { Locations } from "./locations.js";
import type { Handler, RegistryRequest } from "./request.js";

/**
 * What a caller must be allowed to do in the repository of the path. `catalog` concerns no repository; `login` is for whoever
 * has said who they are, `none` for anybody.
 */
export type Access = "pull" | "push" | "delete" | "catalog" | "login" | "none";

/** An operation of openapi.yaml and what it takes. */
export interface Operation {
  readonly name: string;
  readonly access: Access;
}

/** Runs before an operation's handler, in order; throws a BerthError to refuse. */
export type Guard = (ctx: RegistryRequest, operation: Operation) => Promise<void> | undefined;

/** Gives what runs, after the guards, in place of an operation's handler. */
export type Detour = (operation: Operation, handler: Handler) => Handler;

type Verb = "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";

/** A route beside the Distribution API's. */
export interface Endpoint extends Operation {
  readonly verb: Verb;
  readonly path: string;
  readonly handler: Handler;
}

/**
 * The routes. Their names are openapi.yaml's operationIds. A repository's name has slashes and may hold any of these words;
 * the last two or three components decide, and no two patterns agree in them. The busiest come first: they are tried in order.
 */
export function registryRoutes(
  registry: Registry,
  locations: Locations,
  guards: readonly Guard[],
  endpoints: readonly Endpoint[] = [],
  detour: Detour = (_operation, handler) => handler,
): Router {
  // Sensitive: who keeps a path from clients in front of the registry means all ways to write it.
  const router = new Router({ sensitive: true });
  const route = (name: string, access: Access, verb: Verb, path: string, handler: Handler): void => {
    const operation: Operation = { name, access };
    const guarded = detour(operation, handler);
    const named: Handler = async (ctx) => {
      ctx.state["operation"] = name;
      for (const guard of guards) {
        const asked = guard(ctx, operation);
        if (asked !== undefined) await asked;
      }
      await guarded(ctx);
    };
    router.register(path, [verb], named, { name });
  };
  const manifest = "/v2/*name/manifests/:reference";
  const blob = "/v2/*name/blobs/:digest";
  const uploads = "/v2/*name/blobs/uploads";
  const upload = `${uploads}/:id`;
  route("headManifest", "pull", "HEAD", manifest, getManifest(registry));
  route("getManifest", "pull", "GET", manifest, getManifest(registry));
  route("headBlob", "pull", "HEAD", blob, headBlob(registry));
  route("getBlob", "pull", "GET", blob, getBlob(registry));
  route("startUpload", "push", "POST", uploads, startUpload(registry, locations));
  route("patchUpload", "push", "PATCH", upload, patchUpload(registry, locations));
  route("putUpload", "push", "PUT", upload, putUpload(registry, locations));
  route("putManifest", "push", "PUT", manifest, putManifest(registry, locations));
  route("getUpload", "push", "GET", upload, getUpload(registry, locations));
  route("deleteUpload", "push", "DELETE", upload, deleteUpload(registry));
  route("deleteManifest", "delete", "DELETE", manifest, deleteManifest(registry));
  route("deleteBlob", "delete", "DELETE", blob, deleteBlob(registry));
  route("listTags", "pull", "GET", "/v2/*name/tags/list", listTags(registry));
  route("listReferrers", "pull", "GET", "/v2/*name/referrers/:digest", listReferrers(registry));
  route("listRepositories", "catalog", "GET", "/v2/_catalog", listRepositories(registry));
  route("ping", "login", "GET", "/v2", ping());
  for (const { name, access, verb, path, handler } of endpoints) route(name, access, verb, path, handler);
  return router;
}

/** For a path that exists with other verbs; Allow has been set. */
export function methodNotAllowed(): BerthError {
  return new BerthError("UNSUPPORTED", "this method is not supported here");
}
