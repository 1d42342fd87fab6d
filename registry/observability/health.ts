import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";

import type { ObjectStore } from "../../storage/object-store.js";
import type { HealthSettings } from "../config/observability-section.js";
import type { Endpoint } from "../http/routes.js";
import type { RegistryRequest } from "../http/request.js";
import { sendJson } from "../http/send-json.js";

/** `/livez` and `/readyz`: whether this process works at all, and whether requests should be sent to it. */
export class Health {
  #draining = false;
  #checked: { readonly at: number; readonly isUp: boolean } | undefined;
  #checking: Promise<boolean> | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly settings: HealthSettings,
    private readonly log: Logger,
  ) {}

  /** From now on it is not ready, while what still comes is served. */
  drain(): void {
    this.#draining = true;
  }

  get endpoints(): readonly Endpoint[] {
    const live = async (ctx: RegistryRequest): Promise<void> => {
      sendJson(ctx, { status: "live" });
      await Promise.resolve();
    };
    const ready = async (ctx: RegistryRequest): Promise<void> => {
      const status = this.#draining ? "draining" : (await this.#storeIsUp()) ? "ready" : "store unavailable";
      ctx.status = status === "ready" ? 200 : 503;
      sendJson(ctx, { status });
    };
    return [
      { name: "livez", access: "none", verb: "GET", path: "/livez", handler: live },
      { name: "readyz", access: "none", verb: "GET", path: "/readyz", handler: ready },
    ];
  }

  /** However often it is asked for, the store is looked at once in a while, and waited for no longer than configured. */
  async #storeIsUp(): Promise<boolean> {
    const { cacheSeconds } = this.settings;
    if (this.#checked !== undefined && performance.now() - this.#checked.at < cacheSeconds * 1000)
      return this.#checked.isUp;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return await this.#checking;
  }

  async #check(): Promise<boolean> {
    const wasUp = this.#checked?.isUp ?? true;
    const patience = new AbortController();
    const { signal } = patience;
    const tooLong = sleep(this.settings.timeoutSeconds * 1000, "it does not answer", { signal, ref: false });
    const looked = this.store.list({ prefix: "repos/", limit: 1 }).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const fault = await Promise.race([looked, tooLong]);
    // Settled or not, nobody waits for it any more.
    tooLong.catch(() => undefined);
    patience.abort();
    this.#checked = { at: performance.now(), isUp: fault === undefined };
    if (fault !== undefined && wasUp) this.log.error({ fault }, "not ready: the store cannot be read");
    if (fault === undefined && !wasUp) this.log.info("ready again: the store can be read");
    return fault === undefined;
  }
}
