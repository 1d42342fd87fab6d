import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import type { Logger } from "pino";

import type { ObjectStore } from "../../../storage/object-store.js";
import { readWebhookSecret, type WebhookEndpoint } from "../../config/webhooks-section.js";
import type { EventFeed } from "../event-feed.js";
import { Courier, type Deliveries, type Destination } from "./courier.js";
import type { EventSource } from "./envelope.js";
import { EventQueue } from "./event-queue.js";

export interface WebhooksOptions {
  readonly store: ObjectStore;
  readonly events: EventFeed;
  readonly log: Logger;
  /** `host:port` of this registry, for the events' `source`. */
  readonly address: string;
  /** Under which clients see the registry, when that is known. */
  readonly baseUrl?: string;
}

/** @throws BerthError CONFIG_INVALID when a secret's file cannot be read */
export function readDestinations(endpoints: readonly WebhookEndpoint[]): readonly Destination[] {
  return endpoints.map((endpoint) => ({ endpoint, secret: readWebhookSecret(endpoint) }));
}

interface Subscription {
  readonly courier: Courier;
  to: Destination;
  unsubscribe: () => void;
}

const LIFE_INTERVAL_MS = 20_000;
const STOP_GRACE_MS = 1_000;

/** Tells endpoints what was done: pushes, deletes and mounts at least once, in order, even over the death of this process. */
export class Webhooks {
  readonly #subscriptions = new Map<string, Subscription>();
  /** Of endpoints that are no longer configured. */
  readonly #dismissed = new Map<Courier, Promise<void>>();
  readonly #queue: EventQueue;
  readonly #source: EventSource;
  readonly #timer: NodeJS.Timeout;
  #upkeep: Promise<void>;

  /** Takes up at once what other processes have left; see `ready`. */
  constructor(
    destinations: readonly Destination[],
    private readonly options: WebhooksOptions,
  ) {
    this.#source = { addr: options.address, instanceID: randomUUID() };
    this.#queue = new EventQueue(options.store);
    this.replace(destinations);
    this.#timer = setInterval(() => {
      this.#upkeep = this.#upkeep.then(async () => await this.#keepUp());
    }, LIFE_INTERVAL_MS);
    this.#timer.unref();
    this.#upkeep = this.#keepUp();
  }

  /** Resolves when the upkeep under way is done. */
  async ready(): Promise<void> {
    await this.#upkeep;
  }

  /**
   * Other endpoints, or others of their settings, for the events to come and those that wait. Posts under way are let end; what
   * waits for an endpoint that is gone is given up.
   */
  replace(destinations: readonly Destination[]): void {
    for (const to of destinations) {
      const known = this.#subscriptions.get(to.endpoint.name);
      if (known === undefined) this.#subscribe(to);
      else if (!isDeepStrictEqual(known.to, to)) this.#redirect(known, to);
    }
    const names = new Set(destinations.map(({ endpoint }) => endpoint.name));
    for (const [name, { courier, unsubscribe }] of this.#subscriptions) {
      if (names.has(name)) continue;
      unsubscribe();
      this.#subscriptions.delete(name);
      const leaving = courier.dismiss().catch((error: unknown) => {
        this.options.log.error({ err: error, webhook: name }, "what waited for a webhook could not be given up");
      });
      this.#dismissed.set(courier, leaving);
      void leaving.then(() => this.#dismissed.delete(courier));
    }
  }

  /** By endpoint. */
  get statistics(): ReadonlyMap<string, Deliveries & { readonly waiting: number }> {
    return new Map(
      [...this.#subscriptions].map(([name, { courier }]) => [
        name,
        { ...courier.statistics, waiting: courier.waiting },
      ]),
    );
  }

  /** Events that are told of afterwards are not delivered. What could not be delivered is left in the store. */
  async stop(): Promise<void> {
    const subscriptions = [...this.#subscriptions.values()];
    for (const { unsubscribe } of subscriptions) unsubscribe();
    clearInterval(this.#timer);
    await this.#upkeep;
    const couriers = [...subscriptions.map(({ courier }) => courier), ...this.#dismissed.keys()];
    await Promise.all(couriers.map(async (courier) => await courier.stop(STOP_GRACE_MS)));
    await Promise.all(this.#dismissed.values());
    await this.#queue.release().catch((error: unknown) => {
      this.options.log.error({ err: error }, "the queue of events could not be left in order");
    });
  }

  #subscribe(to: Destination): void {
    const { events, log } = this.options;
    const baseUrl = this.options.baseUrl?.replace(/\/$/, "") ?? "";
    const courier = new Courier({ ...to, queue: this.#queue, source: this.#source, baseUrl, log });
    const unsubscribe = events.subscribe((event) => courier.accept(event), courier.actions);
    this.#subscriptions.set(to.endpoint.name, { courier, to, unsubscribe });
  }

  #redirect(subscription: Subscription, to: Destination): void {
    const { courier, unsubscribe } = subscription;
    courier.redirect(to);
    // Perhaps for other actions; nothing can happen in between.
    unsubscribe();
    subscription.to = to;
    subscription.unsubscribe = this.options.events.subscribe((event) => courier.accept(event), courier.actions);
  }

  async #keepUp(): Promise<void> {
    try {
      await this.#queue.showLife();
      for (const { key, endpoint } of await this.#queue.adoptOrphans()) {
        const courier = this.#subscriptions.get(endpoint)?.courier;
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
