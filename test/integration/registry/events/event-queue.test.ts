import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RegistryEvent } from "../../../../registry/events/event.js";
import { EventQueue } from "../../../../registry/events/webhooks/event-queue.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";

const event = (id: string): RegistryEvent => ({
  id,
  at: 1,
  action: "push",
  target: { kind: "manifest", repository: "a", tag: id },
  request: { id: "r", address: "", host: "", method: "PUT", userAgent: "" },
});

describe("queue of events in the store", () => {
  let root: string;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-events-"));
    store = await FilesystemObjectStore.open(root);
  });

  afterEach(async () => {
    await store.close();
    rmSync(root, { recursive: true });
  });

  const left = (): string[] =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes("/events/"))
      .map(({ name }) => name);

  it("belongs to its process while that lives, and to exactly one other afterwards", async () => {
    const first = new EventQueue(store);
    const keys = [await first.append("ci", [event("1"), event("2")]), await first.append("mail", [event("3")])];
    await first.showLife();
    const heirs = [new EventQueue(store), new EventQueue(store), new EventQueue(store)];
    for (const heir of heirs) assert.deepEqual(await heir.adoptOrphans(), []);
    await first.release();
    const adopted = await Promise.all(heirs.map(async (heir) => await heir.adoptOrphans()));
    const [inheritance, ...others] = adopted.filter((batches) => batches.length > 0);
    assert.deepEqual(others, []);
    assert.deepEqual(inheritance, [
      { key: keys[0], endpoint: "ci" },
      { key: keys[1], endpoint: "mail" },
    ]);
    const heir = heirs[adopted.findIndex((batches) => batches.length > 0)] ?? assert.fail();
    assert.deepEqual(
      (await heir.read(keys[0] ?? "")).map(({ id }) => id),
      ["1", "2"],
    );
    for (const key of keys) await heir.remove(key);
    assert.deepEqual(left(), []);
  });

  it("leaves nothing behind when it is empty, and begins again under another name", async () => {
    const queue = new EventQueue(store);
    const key = await queue.append("ci", [event("1")]);
    await queue.showLife();
    await queue.remove(key);
    await queue.showLife();
    assert.deepEqual(left(), []);
    const next = await queue.append("ci", [event("2")]);
    assert.notEqual(next.split("/")[1], key.split("/")[1]);
  });

  it("reads nothing from a batch that is damaged or gone", async () => {
    const queue = new EventQueue(store);
    const key = await queue.append("ci", [event("1")]);
    writeFileSync(join(root, key), "[{");
    assert.deepEqual(await queue.read(key), []);
    await queue.remove(key);
    assert.deepEqual(await queue.read(key), []);
  });
});
