import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../../oci/errors.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { TestRegistry } from "../support/test-registry.js";

describe("probes", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let registry: TestRegistry;
  let lookups: number;
  let list: FilesystemObjectStore["list"];

  const start = async (cacheSeconds: number, timeoutSeconds = 60): Promise<void> => {
    const health = { cacheSeconds, timeoutSeconds, drainDelaySeconds: 0 };
    registry = await TestRegistry.start({ root, store, health });
    lookups = 0;
    list = store.list.bind(store);
  };

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-health-"));
    store = await FilesystemObjectStore.open(root);
  });

  afterEach(async () => {
    store.list = list;
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  const statusOf = async (path: string): Promise<unknown> => {
    const answer = await registry.fetch("GET", path);
    return [answer.status, ((await answer.json()) as { status: string }).status];
  };

  it("tell a process that works from a store that fails, and from one that is back", async () => {
    await start(0);
    assert.deepEqual(await statusOf("/readyz"), [200, "ready"]);
    store.list = async () => await Promise.reject(new BerthError("STORAGE", "broken for a test"));
    assert.deepEqual(await statusOf("/readyz"), [503, "store unavailable"]);
    assert.deepEqual(await statusOf("/livez"), [200, "live"]);
    store.list = list;
    assert.deepEqual(await statusOf("/readyz"), [200, "ready"]);
  });

  it("do not wait for a store that hangs", async () => {
    await start(0, 0.1);
    store.list = async () => await new Promise(() => undefined);
    assert.deepEqual(await statusOf("/readyz"), [503, "store unavailable"]);
    assert.deepEqual(await statusOf("/livez"), [200, "live"]);
  });

  it("look at the store once, however often they are asked", async () => {
    await start(3600);
    store.list = async (query) => {
      lookups++;
      return await list(query);
    };
    await Promise.all(Array.from({ length: 20 }, async () => await statusOf("/readyz")));
    assert.equal(lookups, 1);
  });

  it("send nobody here who is not yet here once it drains, while requests are still served", async () => {
    await start(0);
    registry.drain();
    assert.deepEqual(await statusOf("/readyz"), [503, "draining"]);
    assert.deepEqual(await statusOf("/livez"), [200, "live"]);
    await registry.expect(200, "GET", "/v2/");
  });
});
