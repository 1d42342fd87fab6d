import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";

import type { WebhookEndpoint } from "../../config/webhooks-section.js";
import type { EventAction, RegistryEvent } from "../event.js";
import { envelopeOf, type EventSource } from "./envelope.js";
import type { EventQueue } from "./event-queue.js";
import { post } from "./post.js";

/** Events on their way to one endpoint. */
interface Parcel {
  /** In the store; absent for what may be lost with the process. */
  readonly key?: string;
  /** Absent when it is to be read from the store. */
  readonly events?: RegistryEvent[];
  readonly count: number;
  readonly at: number;
  /** How many of its events are done with; more than none only while they are told of one by one. */
  done: number;
}

/** Who is told, and how. */
export interface Destination {
  readonly endpoint: WebhookEndpoint;
  readonly secret?: string | undefined;
}

export interface CourierOptions extends Destination {
  readonly queue: EventQueue;
  readonly source: EventSource;
  readonly baseUrl: string;
  readonly log: Logger;
}

export interface Deliveries {
  /** Events that the endpoint has taken. */
  delivered: number;
  /** Posts that failed and were or will be tried again. */
  failures: number;
  /** Events given up. */
  dropped: number;
}

const ACTIONS: readonly EventAction[] = ["push", "pull", "delete", "mount"];
const EVENTS_IN_A_POST = 100;
const QUICK_RETRY_MS = 100;
const MAX_BACKOFF_MS = 300_000;
const COMPLAINT_INTERVAL_MS = 60_000;

/** Brings events to one endpoint, in order, one post at a time. */
export class Courier {
  readonly statistics: Deliveries = { delivered: 0, failures: 0, dropped: 0 };
  readonly #parcels: Parcel[] = [];
  readonly #stopped = new AbortController();
  #waiting = 0;
  #gathering: { readonly events: RegistryEvent[]; readonly written: Promise<void> } | undefined;
  #writing: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  #pausing = new AbortController();
  #isDismissed = false;
  #to: Destination;
  #failuresInARow = 0;
  /** What was refused is told of event by event, so that one that is never taken does not take others with it. */
  #oneByOne = false;
  #complainedAt = -Infinity;

  constructor(private readonly options: CourierOptions) {
    this.#to = options;
  }

  /** Events that have not been delivered. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Those that the endpoint wants to hear of. */
  get actions(): readonly EventAction[] {
    return ACTIONS.filter((action) => !this.#to.endpoint.ignore.actions.includes(action));
  }

  /** From the next post on; whatever waits goes there, and at once. @param to the same name as before */
  redirect(to: Destination): void {
    this.#to = to;
    this.#failuresInARow = 0;
    this.#pausing.abort();
  }

  /** Ends after the post under way; what still waits is given up. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#pausing.abort();
    await this.#writing;
    await this.#running;
    const left = this.#parcels.splice(0);
    if (left.length > 0) this.#drop(this.#waiting, "it is no longer configured");
    this.#waiting = 0;
    for (const { key } of left) if (key !== undefined) await this.options.queue.remove(key);
  }

  /** A promise resolves when the event is kept, or cannot be. A pull's is not kept: there are many, and nothing hangs on them. */
  accept(event: RegistryEvent): Promise<void> | undefined {
    const { ignore, queueLimit } = this.#to.endpoint;
    const { mediaType } = event.target;
    if (mediaType !== undefined && ignore.mediaTypes.includes(mediaType)) return undefined;
    if (this.#waiting >= queueLimit) {
      this.#drop(1, "its queue is full");
      return undefined;
    }
    this.#waiting++;
    if (event.action !== "pull") return this.#keep(event);
    this.#add({ events: [event], count: 1, at: event.at, done: 0 });
    return undefined;
  }

  /** Takes over a batch that another process has left in the store. */
  adopt(key: string): void {
    // How many events it holds is seen when it is read.
    this.#add({ key, count: 0, at: Date.now(), done: 0 });
  }

  /** Ends after the post under way, or breaks it off when that takes longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await this.#writing;
    const last = setTimeout(() => {
      this.#stopped.abort();
    }, graceMs);
    this.#parcels.length = Math.min(this.#parcels.length, EVENTS_IN_A_POST);
    if (this.#failuresInARow > 0) this.#stopped.abort();
    await this.#running;
    clearTimeout(last);
    this.#stopped.abort();
  }

  /** Events that come while others are being written are written together. */
  #keep(event: RegistryEvent): Promise<void> {
    if (this.#gathering === undefined) {
      const events: RegistryEvent[] = [];
      const written = this.#writing.then(async () => {
        this.#gathering = undefined;
        await this.#write(events);
      });
      this.#writing = written;
      this.#gathering = { events, written };
    }
    this.#gathering.events.push(event);
    return this.#gathering.written;
  }

  async #write(events: RegistryEvent[]): Promise<void> {
    const parcel = { events, count: events.length, at: events[0]?.at ?? Date.now(), done: 0 };
    try {
      this.#add({ ...parcel, key: await this.options.queue.append(this.options.endpoint.name, events) });
    } catch (error) {
      this.options.log.error({ err: error, webhook: this.options.endpoint.name }, "events could not be kept");
      this.#add(parcel);
    }
  }

  #add(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Whoever tells of an event does not wait for even the beginning of its delivery.
    await sleep(0);
    while (this.#parcels.length > 0 && !this.#stopped.signal.aborted && !this.#isDismissed) {
      try {
        await this.#deliver();
      } catch (error) {
        // The store's. What it keeps can be delivered later, and is not lost meanwhile.
        this.#failuresInARow++;
        this.options.log.error({ err: error, webhook: this.options.endpoint.name }, "events could not be read");
        await this.#pause("the store fails");
      }
    }
    this.#running = undefined;
  }

  async #deliver(): Promise<void> {
    const { source, baseUrl } = this.options;
    const { endpoint, secret } = this.#to;
    const parcels = this.#nextParcels();
    const all: RegistryEvent[] = [];
    for (const { key, events } of parcels) all.push(...(events ?? (await this.options.queue.read(key ?? ""))));
    const [first] = parcels;
    const events = this.#oneByOne ? all.slice(first?.done, (first?.done ?? 0) + 1) : all;
    const settle = async (): Promise<void> => {
      this.#failuresInARow = 0;
      if (this.#oneByOne && first !== undefined && ++first.done < all.length) return;
      this.#oneByOne = false;
      await this.#finish(parcels);
    };
    if (events.length === 0) {
      await settle();
      return;
    }
    const outcome = await post(endpoint, secret, envelopeOf(events, source, baseUrl), this.#stopped.signal);
    if (outcome.kind === "taken") {
      this.statistics.delivered += events.length;
      await settle();
      return;
    }
    if (this.#stopped.signal.aborted) return;
    this.statistics.failures++;
    this.#failuresInARow++;
    const isRefused = outcome.kind === "refused";
    if (isRefused && !this.#oneByOne && all.length > 1) {
      this.#oneByOne = true;
      return;
    }
    const isHopeless = isRefused && this.#failuresInARow >= endpoint.threshold;
    if (isHopeless || Date.now() - (first?.at ?? 0) > endpoint.giveUpAfterHours * 3600_000) {
      this.#drop(events.length, outcome.reason);
      await settle();
      return;
    }
    this.options.log.debug({ webhook: endpoint.name, reason: outcome.reason }, "events were not taken");
    await this.#pause(outcome.reason);
  }

  /** The oldest parcels, as many as one post may hold; an adopted one goes alone. */
  #nextParcels(): Parcel[] {
    const parcels: Parcel[] = [];
    let events = 0;
    for (const parcel of this.#parcels) {
      events += parcel.count;
      if (parcels.length > 0 && (events > EVENTS_IN_A_POST || parcel.events === undefined)) break;
      parcels.push(parcel);
      if (this.#oneByOne || parcel.events === undefined) break;
    }
    return parcels;
  }

  async #finish(parcels: readonly Parcel[]): Promise<void> {
    this.#parcels.splice(0, parcels.length);
    for (const { key, count } of parcels) {
      this.#waiting -= count;
      if (key !== undefined) await this.options.queue.remove(key);
    }
  }

  async #pause(reason: string): Promise<void> {
    const { threshold, backoffSeconds, name } = this.#to.endpoint;
    const beyond = this.#failuresInARow - threshold;
    const backoff = Math.min(MAX_BACKOFF_MS, backoffSeconds * 1000 * 2 ** Math.min(beyond, 20));
    if (beyond === 0) this.options.log.warn({ webhook: name, reason }, "a webhook fails: its events wait");
    const pause = beyond < 0 ? QUICK_RETRY_MS * this.#failuresInARow : backoff * (0.75 + Math.random() / 2);
    this.#pausing = new AbortController();
    if (this.#isDismissed) return;
    const signal = AbortSignal.any([this.#stopped.signal, this.#pausing.signal]);
    await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
  }

  #drop(events: number, reason: string): void {
    this.statistics.dropped += events;
    if (performance.now() - this.#complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.#complainedAt = performance.now();
    const { dropped } = this.statistics;
    this.options.log.warn({ webhook: this.options.endpoint.name, dropped, reason }, "events were dropped");
  }
}
