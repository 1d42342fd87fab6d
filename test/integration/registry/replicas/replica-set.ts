import assert from "node:assert/strict";

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

/** Three registries on one medium. They share a process, but nothing in it. */
export class ReplicaSet {
  private constructor(
    private readonly medium: SharedMedium,
    readonly stores: readonly ObjectStore[],
    readonly registries: readonly TestRegistry[],
  ) {}

  static async start(medium: SharedMedium): Promise<ReplicaSet> {
    const stores = await Promise.all(Array.from({ length: 3 }, async () => await medium.open()));
    const registries = await Promise.all(
      stores.map(async (store) => await TestRegistry.start({ store, uploadLeaseMs: LEASE_MS })),
    );
    return new ReplicaSet(medium, stores, registries);
  }

  registry(index: number): TestRegistry {
    return this.registries[index] ?? assert.fail("there are three replicas");
  }

  store(index: number): ObjectStore {
    return this.stores[index] ?? assert.fail("there are three replicas");
  }

  async keys(prefix: string): Promise<readonly string[]> {
    return (await this.store(0).list({ prefix })).keys;
  }

  /** What is there beyond objects. */
  async leftovers(): Promise<readonly string[]> {
    const keys = await this.keys("");
    // What the loser of an upload had put aside, where the medium has no names for it that the winner could take away.
    await this.store(0).sweepUploads?.(0);
    const left = await this.medium.leftovers();
    return left.filter((name) => !keys.some((key) => name.endsWith(`/${key}`)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.registries.map(async (registry) => await registry.stop()));
    await Promise.all(this.stores.map(async (store) => await store.close()));
    await this.medium.dispose();
  }
}
