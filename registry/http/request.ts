import type { Context } from "koa";

/** A request to a route, with the parameters of its path decoded. */
export type RegistryRequest = Context & { params: Readonly<Record<string, string>> };

export type Handler = (ctx: RegistryRequest) => Promise<void>;
