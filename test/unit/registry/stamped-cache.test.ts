import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { StampedCache } from "../../../registry/storage/stamped-cache.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

const STALE_FOR_MS = 200;

describe("stamped cache on a medium without stamps", () => {
  let root: string;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-cache-"));
    const files = await FilesystemObjectStore.open(root);
    store = Object.assign(files, {
      traits: { conditionalCreate: true, staleForMs: STALE_FOR_MS },
      stampOf: async () => await Promise.resolve(undefined),
    });
    await put("one");
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const put = async (value: string): Promise<void> => await store.put("k", Buffer.from(value));
  const load = async (): Promise<string> => (await store.get("k")).toString();

  it("gives what may lag for a bounded time, and reads afresh for a writer, after a change of ours, and when time is up", async () => {
    const cache = new StampedCache<string>(store, 10, () => 1, { mayLag: true });
    const started = performance.now();
    assert.equal(await cache.get("k", load), "one");
    await put("two");
    const lagging = await cache.get("k", load);
    if (performance.now() - started < STALE_FOR_MS) assert.equal(lagging, "one");
    assert.equal(await cache.get("k", load, { fresh: true }), "two");
    await put("three");
    cache.forget("k");
    assert.equal(await cache.get("k", load), "three");
    await put("four");
    await sleep(STALE_FOR_MS + 10);
    assert.equal(await cache.get("k", load), "four");
  });

  it("does not keep what was being read while it was forgotten", async () => {
    const cache = new StampedCache<string>(store, 10, () => 1, { mayLag: true });
    await cache.get("k", async () => {
      const before = await load();
      await put("two");
      cache.forget("k");
      return before;
    });
    assert.equal(await cache.get("k", load), "two");
  });

  it("reads again each time what may not lag", async () => {
    const cache = new StampedCache<string>(store, 10, () => 1);
    assert.equal(await cache.get("k", load), "one");
    await put("two");
    assert.equal(await cache.get("k", load), "two");
  });
});
