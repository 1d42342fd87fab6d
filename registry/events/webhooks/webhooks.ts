import { randomUUID } from "node:crypto";

import type { Logger } from "pino";

import type { ObjectStore } from "../../../storage/object-store.js";
import { readWebhookSecret, type WebhookEndpoint } from "../../config/webhooks-section.js";
import type { EventFeed } from "../event-feed.js";
import { Courier, type Deliveries } from "./courier.js";
import { EventQueue } from "./event-queue.js";

export interface WebhooksOptions {
  readonly endpoints: readonly WebhookEndpoint[];
  readonly store: ObjectStore;
  readonly events: EventFeed;
  readonly log: Logger;
  /** `host:port` of this registry, for the events' `source`. */
  readonly address: string;
  /** Under which clients see the registry, when that is known. */
  readonly baseUrl?: string;
}

const LIFE_INTERVAL_MS = 20_000;
const STOP_GRACE_MS = 1_000;

/** Tells endpoints what was done: pushes, deletes and mounts at least once, in order, even over the death of this process. */
export class Webhooks {
  readonly #couriers = new Map<string, Courier>();
  readonly #queue: EventQueue;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: readonly (() => void)[];
  #upkeep: Promise<void> = Promise.resolve();

  private constructor(private readonly options: WebhooksOptions) {
    const { endpoints, events, log, address: addr } = options;
    const source = { addr, instanceID: randomUUID() };
    const baseUrl = options.baseUrl?.replace(/\/$/, "") ?? "";
    this.#queue = new EventQueue(options.store);
    for (const endpoint of endpoints) {
      const secret = readWebhookSecret(endpoint);
      const common = { endpoint, queue: this.#queue, source, baseUrl, log };
      this.#couriers.set(endpoint.name, new Courier({ ...common, ...(secret !== undefined && { secret }) }));
    }
    this.#unsubscribe = [...this.#couriers.values()].map((courier) =>
      events.subscribe((event) => courier.accept(event), courier.actions),
    );
    this.#timer = setInterval(() => {
      this.#upkeep = this.#upkeep.then(async () => await this.#keepUp());
    }, LIFE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** @throws BerthError CONFIG_INVALID when a secret's file cannot be read */
  static async start(options: WebhooksOptions): Promise<Webhooks> {
    const webhooks = new Webhooks(options);
    webhooks.#upkeep = webhooks.#keepUp();
    await webhooks.#upkeep;
    return webhooks;
  }

  /** By endpoint. */
  get statistics(): ReadonlyMap<string, Deliveries & { readonly waiting: number }> {
    return new Map(
      [...this.#couriers].map(([name, courier]) => [name, { ...courier.statistics, waiting: courier.waiting }]),
    );
  }

  /** Events that are told of afterwards are not delivered. What could not be delivered is left in the store. */
  async stop(): Promise<void> {
    for (const end of this.#unsubscribe) end();
    clearInterval(this.#timer);
    await this.#upkeep;
    await Promise.all([...this.#couriers.values()].map(async (courier) => await courier.stop(STOP_GRACE_MS)));
    await this.#queue.release().catch((error: unknown) => {
      this.options.log.error({ err: error }, "the queue of events could not be left in order");
    });
  }

  async #keepUp(): Promise<void> {
    try {
      await this.#queue.showLife();
      for (const { key, endpoint } of await this.#queue.adoptOrphans()) {
        const courier = this.#couriers.get(endpoint);
        if (courier !== undefined) {
          courier.adopt(key);
          continue;
        }
        this.options.log.warn({ webhook: endpoint }, "events for a webhook that is no longer configured are dropped");
        await this.#queue.remove(key);
      }
    } catch (error) {
      this.options.log.error({ err: error }, "the queue of events could not be looked after");
    }
  }
}
