import { setTimeout as sleep } from "node:timers/promises";

import type { EventAction, RegistryEvent } from "./event.js";

/**
 * Takes an event. A promise says that the listener wants to have kept it before the client hears of its success; it must not
 * reject.
 */
export type EventListener = (event: RegistryEvent) => Promise<void> | undefined;

/** A request waits no longer than this for listeners to keep its event; they go on all the same. */
const PATIENCE_MS = 1000;

/** Tells listeners what was done. Whatever a listener does, the request that is told of neither fails nor hangs. */
export class EventFeed {
  readonly #listeners = new Map<EventListener, ReadonlySet<EventAction>>();

  /** @param onFault hears of a listener that threw */
  constructor(private readonly onFault: (error: unknown) => void) {}

  /** False while nobody listens to such events: then none need be made. */
  hears(action: EventAction): boolean {
    for (const actions of this.#listeners.values()) if (actions.has(action)) return true;
    return false;
  }

  /** Returns what ends the subscription. */
  subscribe(listener: EventListener, actions: Iterable<EventAction>): () => void {
    this.#listeners.set(listener, new Set(actions));
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Never rejects; resolves when all listeners have kept the event, or after a second. */
  async emit(event: RegistryEvent): Promise<void> {
    const kept: Promise<void>[] = [];
    for (const [listener, actions] of this.#listeners) {
      if (!actions.has(event.action)) continue;
      try {
        const keeping = listener(event);
        if (keeping !== undefined) kept.push(keeping.catch(this.onFault));
      } catch (error) {
        this.onFault(error);
      }
    }
    if (kept.length === 0) return;
    const patience = new AbortController();
    const { signal } = patience;
    const tooLong = sleep(PATIENCE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    await Promise.race([Promise.all(kept), tooLong]);
    patience.abort();
  }
}
