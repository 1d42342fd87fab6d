import { randomUUID } from "node:crypto";

import { isBerthError } from "../../../oci/errors.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { ownProcessIdentity, processState } from "../../../storage/process-identity.js";
import { endpointOfBatch, keys, lastComponentOf } from "../../storage/key-tree.js";
import { listAllKeys, listAllPrefixes } from "../../storage/whole-listing.js";
import { WriteOnceRegister, type Entry } from "../../storage/write-once-register.js";
import type { RegistryEvent } from "../event.js";

interface Ownership {
  readonly owner: string;
  /** The owner has stopped and left the rest to others. */
  readonly released: boolean;
}

/** A batch that somebody else has left. */
export interface OrphanedBatch {
  readonly key: string;
  readonly endpoint: string;
}

interface Sighting {
  readonly signs: string;
  /** Of this process's own clock, which never jumps. */
  readonly since: number;
}

/** Much longer than the time between two signs of life. */
const DEAD_AFTER_MS = 90_000;

/**
 * Events that have not been delivered, in the store: each process writes to a queue of its own and delivers from it, so that
 * replicas neither wait for each other nor tell twice. The queue of a process that has died is adopted by one other: at
 * once on the same host, and elsewhere when it has shown no sign of life for a while.
 */
export class EventQueue {
  #id = randomUUID();
  #opened: Promise<unknown> | undefined;
  #number = 0;
  /** Batches by queue, own and adopted. */
  readonly #outstanding = new Map<string, Set<string>>();
  readonly #sightings = new Map<string, Sighting>();

  constructor(private readonly store: ObjectStore) {}

  /** Resolves to the batch's key when it is kept: it then survives the process. */
  async append(endpoint: string, events: readonly RegistryEvent[]): Promise<string> {
    const id = this.#id;
    const key = keys.eventBatch(id, endpoint, ++this.#number);
    this.#outstandingOf(id).add(key);
    try {
      this.#opened ??= this.#register(id).replace(undefined, ownership(false), { volatile: true });
      await this.#opened;
      await this.store.put(key, Buffer.from(JSON.stringify(events)), { volatile: true });
      return key;
    } catch (error) {
      this.#opened = undefined;
      this.#outstandingOf(id).delete(key);
      throw error;
    }
  }

  /** Empty when the batch is gone or damaged. */
  async read(key: string): Promise<readonly RegistryEvent[]> {
    try {
      return JSON.parse((await this.store.get(key)).toString()) as RegistryEvent[];
    } catch (error) {
      if (error instanceof SyntaxError || isBerthError(error, "OBJECT_UNKNOWN")) return [];
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    await this.store.delete(key);
    const id = idOf(key);
    const left = this.#outstandingOf(id);
    left.delete(key);
    if (left.size === 0 && id !== this.#id) await this.#end(id);
  }

  /** Shows that this process is alive, as far as that matters to anybody. To be called every 20 s or so. */
  async showLife(): Promise<void> {
    const own = this.#outstandingOf(this.#id);
    if (own.size === 0 && this.#opened !== undefined) {
      const id = this.#id;
      this.#begin();
      await this.#end(id);
    }
    for (const [id, left] of this.#outstanding) {
      if (left.size > 0) await this.store.put(keys.eventQueueAlive(id), Buffer.from("{}"), { volatile: true });
    }
  }

  /** Takes over what dead processes have left. */
  async adoptOrphans(): Promise<OrphanedBatch[]> {
    const adopted: OrphanedBatch[] = [];
    for (const prefix of await listAllPrefixes(this.store, `${keys.events}/`)) {
      const id = lastComponentOf(prefix.slice(0, -1));
      if (this.#outstanding.has(id)) continue;
      const entry = await this.#register(id).read();
      if (!(await this.#isOrphaned(id, entry))) continue;
      if ((await this.#register(id).replace(entry, ownership(false), { volatile: true })) === undefined) continue;
      const batches = await listAllKeys(this.store, `${keys.eventBatches(id)}/`);
      for (const key of batches) {
        this.#outstandingOf(id).add(key);
        adopted.push({ key, endpoint: endpointOfBatch(key) });
      }
      if (batches.length === 0) await this.#end(id);
    }
    return adopted;
  }

  /** Leaves what could not be delivered to the next process. */
  async release(): Promise<void> {
    for (const [id, left] of this.#outstanding) {
      if (left.size === 0) {
        await this.#end(id);
        continue;
      }
      const register = this.#register(id);
      const entry = await register.read();
      if (entry !== undefined) await register.replace(entry, ownership(true), { volatile: true });
    }
  }

  async #isOrphaned(id: string, entry: Entry<Ownership> | undefined): Promise<boolean> {
    if (entry?.value.released === true) return true;
    if (entry !== undefined && processState(entry.value.owner) === "dead") return true;
    if (entry !== undefined && processState(entry.value.owner) === "alive") return false;
    const alive = await this.store.stat(keys.eventQueueAlive(id));
    const signs = `${String(entry?.number ?? 0)} ${String(alive?.modifiedAt ?? 0)}`;
    const before = this.#sightings.get(id);
    if (before?.signs === signs) return performance.now() - before.since > DEAD_AFTER_MS;
    this.#sightings.set(id, { signs, since: performance.now() });
    return false;
  }

  /** A queue that is empty leaves nothing behind; its ID is never used again. */
  async #end(id: string): Promise<void> {
    this.#outstanding.delete(id);
    this.#sightings.delete(id);
    await this.store.delete(keys.eventQueueAlive(id));
    await this.#register(id).remove();
  }

  #begin(): void {
    this.#id = randomUUID();
    this.#opened = undefined;
    this.#number = 0;
  }

  #outstandingOf(id: string): Set<string> {
    const known = this.#outstanding.get(id);
    if (known !== undefined) return known;
    const fresh = new Set<string>();
    this.#outstanding.set(id, fresh);
    return fresh;
  }

  #register(id: string): WriteOnceRegister<Ownership> {
    return new WriteOnceRegister(this.store, keys.eventQueueOwner(id));
  }
}

function ownership(released: boolean): Ownership {
  return { owner: ownProcessIdentity(), released };
}

/** From `events/<queue>/...`. */
function idOf(key: string): string {
  return key.split("/")[1] ?? "";
}
