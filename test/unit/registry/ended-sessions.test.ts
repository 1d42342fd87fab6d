import assert from "node:assert/strict";

import { isBerthError } from "../../../oci/errors.js";
import { BlobStore } from "../../../registry/storage/blob-store.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { EndedSessions, removeEnded } from "../../../registry/uploads/ended-sessions.js";
import { UploadRegistry } from "../../../registry/uploads/upload-registry.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { gate } from "../../integration/registry/replicas/gate.js";
import { blobOf, directly } from "./collector/support/small-registry.js";
import { ObjectTable, type SteppedStore } from "./collector/support/stepped-store.js";

const LEASE_MS = 60_000;
const [ONE, TWO] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];

describe("upload sessions that have ended, where each look is a request", () => {
  let table: ObjectTable;
  let store: SteppedStore;

  beforeEach(() => {
    table = new ObjectTable();
    store = Object.assign(directly(table), { traits: { conditionalCreate: true, staleForMs: 0, remote: true } });
  });

  const entry = (id: string, number: number): string => keys.registerEntry(keys.upload(id), number);

  const sessions = (): UploadRegistry => new UploadRegistry(store, new BlobStore(store), { leaseMs: LEASE_MS });

  it("go together: all first entries, then what is between, and last what says that they have ended", async () => {
    const kept = entry("33333333-3333-4333-8333-333333333333", 1);
    for (const key of [kept, ...[1, 2, 3].map((n) => entry(ONE, n)), ...[1, 2].map((n) => entry(TWO, n))]) {
      table.put(key, Buffer.from("{}"), true);
    }
    const deleted: (readonly string[])[] = [];
    const deleteAll = store.deleteAll.bind(store);
    store.deleteAll = async (some) => {
      deleted.push(some);
      await deleteAll(some);
    };
    const ended = new EndedSessions(store, 1);
    ended.add(ONE, 3);
    ended.add(TWO, 2);
    await waitUntil("they are gone", () => table.objects.size === 1);
    await ended.close();
    assert.deepEqual([...table.objects.keys()], [kept]);
    assert.deepEqual(deleted, [[entry(ONE, 1), entry(TWO, 1)], [entry(ONE, 2)], [entry(ONE, 3), entry(TWO, 2)]]);
  });

  it("are known to have ended by who still has them in mind, without a look at the first entry", async () => {
    const [a, b] = [sessions(), sessions()];
    const id = await a.start("r", "sha256");
    await b.cancel("r", id);
    const looked: string[] = [];
    const stat = store.stat.bind(store);
    store.stat = async (key) => {
      looked.push(key);
      return await stat(key);
    };
    await assert.rejects(a.acquire("r", id), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
    assert.deepEqual(looked, []);
    await Promise.all([a.close(), b.close()]);
  });

  it("are told by their size as long as whoever commits them says that it lives", async () => {
    const [a, b] = [new UploadRegistry(store, new BlobStore(store), { leaseMs: 60 }), sessions()];
    const { bytes, digest } = blobOf("a blob");
    const id = await a.start("r", "sha256");
    const held = await a.acquire("r", id);
    await held.session.open();
    await held.session.write(bytes);
    const put = store.put.bind(store);
    const [reached, allowed] = [gate(), gate()];
    store.put = async (key, ...rest) => {
      if (key.startsWith("blobs/")) {
        reached.open();
        await allowed.opened;
      }
      await put(key, ...rest);
    };
    const now = performance.now.bind(performance);
    let later = 0;
    performance.now = () => now() + later;
    try {
      const committed = held.commit(digest);
      await reached.opened;
      for (let round = 0; round < 3; round++) {
        assert.equal(await b.size("r", id), bytes.length);
        later += 2 * LEASE_MS;
        const entries = table.list({ prefix: keys.upload(id) }).keys.at(-1);
        await waitUntil("it says so again", () => table.list({ prefix: keys.upload(id) }).keys.at(-1) !== entries);
      }
      allowed.open();
      await committed;
      await assert.rejects(b.size("r", id), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
    } finally {
      performance.now = now;
    }
    await Promise.all([a.close(), b.close()]);
  });

  it("are no longer there when whoever was committing them has vanished", async () => {
    const uploads = sessions();
    const { bytes, digest } = blobOf("a blob");
    const record = { repository: "r", data: TWO, state: "ended", digest, size: bytes.length, at: Date.now() };
    table.put(entry(ONE, 1), Buffer.from(JSON.stringify({ ...record, owner: "another-boot.1.1.1" })), true);
    assert.equal(await uploads.size("r", ONE), bytes.length);
    await assert.rejects(uploads.acquire("r", ONE), (error) => isBerthError(error, "RANGE_INVALID"));
    const now = performance.now.bind(performance);
    performance.now = () => now() + LEASE_MS;
    try {
      await assert.rejects(uploads.size("r", ONE), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
      await assert.rejects(uploads.acquire("r", ONE), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
    } finally {
      performance.now = now;
    }
    await uploads.close();
  });

  it("do not begin anew for a process that stood still until their registers were gone", async () => {
    const [a, b] = [sessions(), sessions()];
    const id = await a.start("r", "sha256");
    await b.cancel("r", id);
    await removeEnded(store, [{ id, number: 2 }]);
    assert.deepEqual([...table.objects.keys()], []);
    const now = performance.now.bind(performance);
    performance.now = () => now() + 10 * LEASE_MS;
    try {
      await assert.rejects(a.acquire("r", id), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
    } finally {
      performance.now = now;
    }
    assert.deepEqual([...table.objects.keys()], [], "its claim was taken back");
    await Promise.all([a.close(), b.close()]);
  });

  it("do not begin anew for a holder that stood still until their registers were gone", async () => {
    const [a, b] = [sessions(), sessions()];
    const id = await a.start("r", "sha256");
    const held = await a.acquire("r", id);
    await b.cancel("r", id);
    await removeEnded(store, [{ id, number: 3 }]);
    const now = performance.now.bind(performance);
    performance.now = () => now() + 10 * LEASE_MS;
    try {
      await assert.rejects(held.leave(), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
    } finally {
      performance.now = now;
    }
    assert.deepEqual([...table.objects.keys()], []);
    await Promise.all([a.close(), b.close()]);
  });

  it("are removed by the sweep when they are old, and not before", async () => {
    const a = sessions();
    const id = await a.start("r", "sha256");
    await a.cancel("r", id);
    await a.close();
    const b = sessions();
    await b.expire(LEASE_MS);
    assert.equal(table.objects.size, 2);
    await b.expire(0);
    assert.equal(table.objects.size, 0);
    await b.close();
  });
});
