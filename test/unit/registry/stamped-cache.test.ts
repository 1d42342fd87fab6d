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

  /** However slow the machine is, nothing is too old. */
  const lasting = (): StampedCache<string> => {
    Object.assign(store, { traits: { conditionalCreate: true, staleForMs: 3600_000 } });
    return new StampedCache<string>(store, 10, () => 1, { mayLag: true });
  };

  it("knows without reading what this process has made of it", async () => {
    const cache = lasting();
    await cache.change("k", async () => {
      await put("two");
      return "two";
    });
    await put("three");
    assert.deepEqual([cache.holds("k"), await cache.get("k", load)], [true, "two"]);
    await cache.change("k", async () => {
      await put("four");
      return undefined;
    });
    assert.deepEqual([cache.holds("k"), await cache.get("k", load)], [false, "four"]);
    await assert.rejects(cache.change("k", async () => await Promise.reject(new Error("perhaps written"))));
    assert.equal(cache.holds("k"), false);
  });

  it("knows nothing of what changed twice at once, or was read before it changed", async () => {
    const cache = lasting();
    await cache.change("k", async () => {
      await cache.change("k", async () => await Promise.resolve("inner"));
      return "outer";
    });
    assert.equal(cache.holds("k"), false);
    await cache.get("k", async () => {
      const before = await load();
      await cache.change("k", async () => {
        await put("two");
        return "two";
      });
      return before;
    });
    assert.equal(await cache.get("k", load), "two");
  });

  it("keeps what one reading tells of many, unless this process changes something meanwhile", async () => {
    const cache = lasting();
    const some = new Map([["a", "1"]]);
    await cache.keepAll(async () => await Promise.resolve(some));
    assert.equal(await cache.get("a", load), "1");
    cache.forget("a");
    await cache.keepAll(async () => {
      cache.forget("b");
      return await Promise.resolve(some);
    });
    assert.equal(cache.holds("a"), false);
  });

  it("reads again each time what may not lag", async () => {
    const cache = new StampedCache<string>(store, 10, () => 1);
    assert.equal(await cache.get("k", load), "one");
    await put("two");
    assert.equal(await cache.get("k", load), "two");
  });
});
