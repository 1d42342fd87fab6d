import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { keys } from "../../../../registry/storage/key-tree.js";
import type { ObjectStore } from "../../../../storage/object-store.js";
import { TestRegistry } from "../support/test-registry.js";

/** A medium that several stores share, as the replicas of a registry do. */
export interface SharedMedium {
  open(): Promise<ObjectStore>;
  /** Whatever is there: staging files, unfinished uploads, perhaps objects too. */
  leftovers(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** Short, so that taking over can be waited for. */
export const LEASE_MS = 1500;

/** Instead of the medium's own, if it has one: what a replica may go on to serve for so long can be waited for. */
const STALE_FOR_MS = 500;

/** Three registries on one medium. They share a process, but nothing in it. */
export class ReplicaSet {
  private constructor(
    private readonly medium: SharedMedium,
    readonly stores: readonly ObjectStore[],
    readonly registries: readonly TestRegistry[],
  ) {}

  static async start(medium: SharedMedium, leaseMs = LEASE_MS): Promise<ReplicaSet> {
    const stores = await Promise.all(Array.from({ length: 3 }, async () => await medium.open()));
    for (const store of stores) {
      const { traits } = store;
      if (traits.staleForMs > 0) Object.assign(store, { traits: { ...traits, staleForMs: STALE_FOR_MS } });
    }
    const registries = await Promise.all(
      stores.map(async (store) => await TestRegistry.start({ store, uploadLeaseMs: leaseMs })),
    );
    return new ReplicaSet(medium, stores, registries);
  }

  registry(index: number): TestRegistry {
    return this.registries[index] ?? assert.fail("there are three replicas");
  }

  store(index: number): ObjectStore {
    return this.stores[index] ?? assert.fail("there are three replicas");
  }

  /** Resolves when the replica serves it no more: at once, unless the medium lets it rely on what it has read a while ago. */
  async untilGone(registry: TestRegistry, path: string): Promise<void> {
    const mayLag = this.stores.some(({ traits }) => traits.staleForMs > 0);
    for (;;) {
      const { status } = await registry.fetch("GET", path);
      if (status === 404) return;
      assert.ok(mayLag && status === 200, `${path}: ${String(status)}`);
      await sleep(50);
    }
  }

  async keys(prefix: string): Promise<readonly string[]> {
    return (await this.store(0).list({ prefix })).keys;
  }

  /** Of the sessions that can be gone on with: where looks are dear, those that have ended stay for a while and say so. */
  async sessions(): Promise<readonly string[]> {
    const last = new Map<string, string>();
    for (const key of await this.keys(`${keys.uploads}/`)) last.set(key.slice(0, key.lastIndexOf("/")), key);
    const records = await Promise.all(
      [...last].map(async ([session, key]) => ({ session, record: (await this.store(0).get(key)).toString() })),
    );
    return records.filter(({ record }) => !record.includes('"state":"ended"')).map(({ session }) => session);
  }

  /** What is there beyond objects. */
  async leftovers(): Promise<readonly string[]> {
    const objects = await this.keys("");
    // What the loser of an upload had put aside, where the medium has no names for it that the winner could take away.
    await this.store(0).sweepUploads?.(0);
    const left = await this.medium.leftovers();
    return left.filter((name) => !objects.some((key) => name.endsWith(`/${key}`)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.registries.map(async (registry) => await registry.stop()));
    await Promise.all(this.stores.map(async (store) => await store.close()));
    await this.medium.dispose();
  }
}
