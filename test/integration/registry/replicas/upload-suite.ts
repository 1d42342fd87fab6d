import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { keys } from "../../../../registry/storage/key-tree.js";
import type { ObjectStore } from "../../../../storage/object-store.js";
import { ownProcessIdentity } from "../../../../storage/process-identity.js";
import { bytesOf, randomContent, type Content } from "../support/content.js";
import type { TestRegistry } from "../support/test-registry.js";
import { gate } from "./gate.js";
import { pausedBody, type PausedBody } from "./paused-body.js";
import { LEASE_MS, ReplicaSet, type SharedMedium } from "./replica-set.js";

const UPLOADS = "/v2/a/b/blobs/uploads/";
/** Above and below what the drivers keep back until a part is full. */
const PIECE = 700_000;

export function describeUploadsAcrossReplicas(name: string, make: () => Promise<SharedMedium>): void {
  describe(`uploads across replicas: ${name}`, () => {
    let replicas: ReplicaSet;
    let a: TestRegistry;
    let b: TestRegistry;
    let c: TestRegistry;

    beforeEach(async () => {
      replicas = await ReplicaSet.start(await make());
      [a, b, c] = [replicas.registry(0), replicas.registry(1), replicas.registry(2)];
    });

    /** Where nobody is to be taken for vanished, however slow the machine is. */
    const startAgainWithLongLease = async (): Promise<void> => {
      await replicas.stop();
      replicas = await ReplicaSet.start(await make(), 3600_000);
      [a, b, c] = [replicas.registry(0), replicas.registry(1), replicas.registry(2)];
    };

    afterEach(async () => {
      await replicas.stop();
    });

    const begin = async (at: TestRegistry): Promise<string> =>
      (await at.expect(202, "POST", UPLOADS)).headers.get("Location") ?? assert.fail("no Location");

    const patch = async (at: TestRegistry, location: string, bytes: Buffer, start: number): Promise<Response> =>
      await at.fetch("PATCH", location, {
        body: new Uint8Array(bytes),
        headers: { "Content-Range": `${String(start)}-${String(start + bytes.length - 1)}` },
      });

    const listings = async (store: ObjectStore, count: number): Promise<void> => {
      const list = store.list.bind(store);
      await new Promise<void>((resolve) => {
        store.list = async (query) => {
          if (--count === 0) resolve();
          return await list(query);
        };
      });
    };

    const assertServed = async ({ bytes, digest }: Content): Promise<void> => {
      for (const registry of replicas.registries) {
        const answer = await registry.expect(200, "GET", `/v2/a/b/blobs/${digest}`);
        assert.ok((await bytesOf(answer)).equals(bytes));
      }
    };

    const idOf = (location: string): string => location.slice(location.lastIndexOf("/") + 1);

    for (const algorithm of ["sha256", "sha512"] as const) {
      it(`closes on a third what one began and another went on with (${algorithm})`, async () => {
        const blob = randomContent(3 * PIECE, algorithm);
        const location = await begin(a);
        for (const [i, registry] of [b, c, b].entries()) {
          const chunk = blob.bytes.subarray(i * PIECE, (i + 1) * PIECE);
          assert.equal((await patch(registry, location, chunk, i * PIECE)).status, 202);
          for (const { status, headers } of await Promise.all(
            replicas.registries.map(async (at) => await at.fetch("GET", location)),
          )) {
            assert.deepEqual([status, headers.get("Range")], [204, `0-${String((i + 1) * PIECE - 1)}`]);
          }
        }
        await a.expect(201, "PUT", `${location}?digest=${blob.digest}`);
        await assertServed(blob);
        assert.deepEqual([await replicas.sessions(), await replicas.leftovers()], [[], []]);
      });
    }

    it("lets exactly one of racing PATCHes go on, and tells the others where the upload stands", async () => {
      for (let round = 0; round < 3; round++) {
        const location = await begin(a);
        const blobs = Array.from({ length: 6 }, () => randomContent(PIECE));
        const answers = await Promise.all(
          blobs.map(async ({ bytes }, i) => await patch(replicas.registry(i % 3), location, bytes, 0)),
        );
        const winners = blobs.filter((_, i) => answers[i]?.status === 202);
        assert.equal(winners.length, 1);
        for (const { status, headers } of answers) {
          if (status === 202) continue;
          assert.equal(status, 416);
          assert.equal(headers.get("Location"), location);
          assert.match(headers.get("Range") ?? "", new RegExp(`^0-(0|${String(PIECE - 1)})$`));
        }
        const [blob] = winners as [Content];
        await replicas.registry(round % 3).expect(201, "PUT", `${location}?digest=${blob.digest}`);
        await assertServed(blob);
      }
    });

    it("commits once what several close at the same time, and tells nobody that there is no such upload", async () => {
      const blob = randomContent(PIECE);
      const location = await begin(a);
      assert.equal((await patch(b, location, blob.bytes, 0)).status, 202);
      const answers = await Promise.all(
        replicas.registries.map(async (at) => await at.fetch("PUT", `${location}?digest=${blob.digest}`)),
      );
      const statuses = answers.map(({ status }) => status).sort((x, y) => x - y);
      assert.equal(statuses[0], 201);
      for (const status of statuses.slice(1)) assert.ok(status === 201 || status === 416, String(statuses));
      await assertServed(blob);
      assert.equal((await replicas.keys("data/")).length, 1);
    });

    it("says where an upload stands while it is committed, and then 201 to a client that did not hear so", async () => {
      await startAgainWithLongLease();
      const blob = randomContent(PIECE);
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes, 0)).status, 202);
      const store = replicas.store(0);
      const put = store.put.bind(store);
      const [reached, held] = [gate(), gate()];
      store.put = async (key, ...rest) => {
        if (key.startsWith("repos/")) {
          reached.open();
          await held.opened;
        }
        await put(key, ...rest);
      };
      const closing = `${location}?digest=${blob.digest}`;
      const answer = a.fetch("PUT", closing);
      await reached.opened;
      for (const registry of replicas.registries) {
        const status = await registry.expect(204, "GET", location);
        assert.equal(status.headers.get("Range"), `0-${String(PIECE - 1)}`);
        for (const refused of [
          await registry.expectError(416, "RANGE_INVALID", "PUT", `${location}?digest=${randomContent(10).digest}`),
          await registry.expectError(416, "RANGE_INVALID", "PATCH", location, { body: "x" }),
        ]) {
          assert.deepEqual(
            [refused.headers.get("Location"), refused.headers.get("Range")],
            [location, `0-${String(PIECE - 1)}`],
          );
        }
      }
      // Of this process, and where others know of it too, it waits for the commit and hears how it ended.
      const knowing = store.traits.remote === true ? replicas.registries : [a];
      const looked = knowing.map(async (_, i) => {
        await listings(replicas.store(i), 3);
      });
      const retried = knowing.map(async (registry) => await registry.fetch("PUT", closing));
      await Promise.all(retried.map(async (retry, i) => await Promise.race([retry, looked[i]])));
      held.open();
      for (const { status } of await Promise.all([answer, ...retried])) assert.equal(status, 201);
      for (const registry of replicas.registries) {
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", location);
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PATCH", location, { body: "x" });
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "DELETE", location);
        for (const init of [{}, { body: new Uint8Array(blob.bytes) }]) {
          const again = await registry.expect(201, "PUT", closing, init);
          assert.equal(again.headers.get("Docker-Content-Digest"), blob.digest);
          assert.equal(again.headers.get("Location"), `/v2/a/b/blobs/${blob.digest}`);
        }
        const other = `${location}?digest=${randomContent(10).digest}`;
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PUT", other);
      }
      await assertServed(blob);
      assert.deepEqual([await replicas.sessions(), await replicas.leftovers()], [[], []]);
    });

    it("says that there is no upload once its commit has failed", async () => {
      const blob = randomContent(PIECE);
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes, 0)).status, 202);
      const wrong = `${location}?digest=${randomContent(10).digest}`;
      await a.expectError(400, "DIGEST_INVALID", "PUT", wrong);
      for (const registry of replicas.registries) {
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", location);
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PUT", wrong);
      }
      assert.deepEqual([await replicas.sessions(), await replicas.leftovers()], [[], []]);
    });

    it("forgets on all what is cancelled on one", async () => {
      const location = await begin(a);
      assert.equal((await patch(b, location, randomContent(PIECE).bytes, 0)).status, 202);
      await c.expect(204, "DELETE", location);
      for (const registry of replicas.registries) {
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", location);
        await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PATCH", location, { body: "x" });
      }
      assert.deepEqual([await replicas.sessions(), await replicas.leftovers()], [[], []]);
      assert.deepEqual([await replicas.keys("blobs/"), await replicas.keys("data/")], [[], []]);
    });

    for (const bytesBefore of [0, 10, PIECE]) {
      it(`forgets what waits on one after ${String(bytesBefore)} bytes, and was closed on another`, async () => {
        const blob = randomContent(PIECE);
        const location = await begin(a);
        if (bytesBefore > 0) {
          assert.equal((await patch(a, location, blob.bytes.subarray(0, bytesBefore), 0)).status, 202);
        }
        if (bytesBefore < PIECE) {
          assert.equal((await patch(b, location, blob.bytes.subarray(bytesBefore), bytesBefore)).status, 202);
        }
        await b.expect(201, "PUT", `${location}?digest=${blob.digest}`);
        const late = randomContent(10);
        await a.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PUT", `${location}?digest=${late.digest}`, { body: "x" });
        await a.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PATCH", location, { body: "x" });
        await assertServed(blob);
        assert.equal((await replicas.keys("data/")).length, 1);
        assert.deepEqual([await replicas.sessions(), await replicas.leftovers()], [[], []]);
      });
    }

    const patchSlowly = async (
      at: TestRegistry,
      location: string,
      body: PausedBody,
    ): Promise<{ answer: Promise<Response> }> => {
      const init = { body: body.stream, duplex: "half" } as RequestInit;
      const answer = at.fetch("PATCH", location, init);
      await body.taken;
      // Claimed by now, or soon.
      for (let busy = false; !busy;) busy = await isBusy(location);
      return { answer };
    };

    const entryOf = async (location: string): Promise<string> =>
      (await replicas.keys(`${keys.upload(idOf(location))}/`)).at(-1) ?? assert.fail("no register");

    /** Resolves when whoever holds the session has said so once more. */
    const renewed = async (location: string): Promise<void> => {
      const before = await entryOf(location);
      while ((await entryOf(location)) === before) await sleep(10);
    };

    const isBusy = async (location: string): Promise<boolean> => {
      return (await replicas.store(2).get(await entryOf(location))).toString().includes('"busy"');
    };

    it("cancels on one what another is receiving, whose client is told", async () => {
      const location = await begin(a);
      assert.equal((await patch(a, location, randomContent(PIECE).bytes, 0)).status, 202);
      const body = pausedBody(randomContent(1000).bytes, randomContent(1000).bytes);
      const { answer } = await patchSlowly(b, location, body);
      await c.expect(204, "DELETE", location);
      await a.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", location);
      body.sendRest();
      assert.equal((await answer).status, 404);
      assert.deepEqual([await replicas.keys("data/"), await replicas.leftovers()], [[], []]);
    });

    it("leaves an upload to the one who receives for longer than a lease", async () => {
      const blob = randomContent(2000);
      const location = await begin(a);
      const body = pausedBody(blob.bytes.subarray(0, 1000), blob.bytes.subarray(1000));
      const { answer } = await patchSlowly(a, location, body);
      // Asked right after each renewal: however late those are on a busy machine, none has been missing for a lease.
      for (const end = performance.now() + 2 * LEASE_MS; performance.now() < end; await renewed(location)) {
        const refused = await b.expect(416, "PATCH", location, { body: "x" });
        assert.deepEqual([refused.headers.get("Location"), refused.headers.get("Range")], [location, "0-0"]);
      }
      body.sendRest();
      assert.equal((await answer).status, 202);
      await b.expect(201, "PUT", `${location}?digest=${blob.digest}`);
      await assertServed(blob);
    });

    /** As left by a process that received something, claimed the session once more, and vanished. */
    const leaveClaimOf = async (owner: string, location: string): Promise<void> => {
      const register = keys.upload(idOf(location));
      const last = await entryOf(location);
      const record = JSON.parse((await replicas.store(0).get(last)).toString()) as object;
      const claim = { ...record, state: "busy", owner, claim: "theirs" };
      const number = Number(last.slice(last.lastIndexOf("/") + 1)) + 1;
      await replicas.store(0).put(keys.registerEntry(register, number), Buffer.from(JSON.stringify(claim)));
    };

    it("goes on at the end of its lease with what a vanished host had claimed", async () => {
      const blob = randomContent(PIECE + 1000);
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes.subarray(0, PIECE), 0)).status, 202);
      await leaveClaimOf("another-boot.1.1.1", location);
      const first = await patch(b, location, blob.bytes.subarray(PIECE), PIECE);
      assert.deepEqual([first.status, first.headers.get("Range")], [416, `0-${String(PIECE - 1)}`]);
      for (let status = 416; status !== 202; await sleep(100)) {
        ({ status } = await patch(b, location, blob.bytes.subarray(PIECE), PIECE));
        assert.ok(status === 202 || status === 416, String(status));
      }
      await c.expect(201, "PUT", `${location}?digest=${blob.digest}`);
      await assertServed(blob);
      assert.deepEqual(await replicas.leftovers(), []);
    });

    it("goes on at once with what a dead process of this host had claimed", async () => {
      const blob = randomContent(PIECE);
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes, 0)).status, 202);
      const [boot = "", namespace = ""] = ownProcessIdentity().split(".");
      await leaveClaimOf(`${boot}.${namespace}.4194304.1`, location);
      await b.expect(201, "PUT", `${location}?digest=${blob.digest}`);
      await assertServed(blob);
    });

    it("keeps the bytes of whoever took over when the one that had stalled wakes up and writes", async () => {
      const [old, blob] = [randomContent(4 * PIECE), randomContent(3 * PIECE)];
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes.subarray(0, PIECE), 0)).status, 202);
      const body = pausedBody(old.bytes.subarray(0, PIECE), old.bytes.subarray(PIECE));
      const { answer } = await patchSlowly(a, location, body);
      // As a host that is cut off from the store: its renewals do not come through.
      const store = replicas.store(0);
      const put = store.put.bind(store);
      const cut = gate();
      store.put = async (...args) => {
        await cut.opened;
        await put(...args);
      };
      const chunk = blob.bytes.subarray(PIECE, 2 * PIECE);
      for (let status = 416; status !== 202; await sleep(100)) {
        ({ status } = await patch(b, location, chunk, PIECE));
        assert.ok(status === 202 || status === 416, String(status));
      }
      body.sendRest();
      cut.open();
      const woken = await answer;
      assert.deepEqual([woken.status, woken.headers.get("Range")], [416, `0-${String(2 * PIECE - 1)}`]);
      const last = await patch(b, location, blob.bytes.subarray(2 * PIECE), 2 * PIECE);
      assert.equal(last.status, 202);
      await c.expect(201, "PUT", `${location}?digest=${blob.digest}`);
      await assertServed(blob);
      assert.deepEqual(await replicas.leftovers(), []);
    });

    it("takes back a chunk that is shorter than its Content-Range, so that it can be sent again", async () => {
      const blob = randomContent(2 * PIECE);
      const location = await begin(a);
      assert.equal((await patch(a, location, blob.bytes.subarray(0, PIECE), 0)).status, 202);
      const body = pausedBody(blob.bytes.subarray(PIECE, PIECE + 1000), Buffer.from("end"));
      body.sendRest();
      const short = await b.fetch("PATCH", location, {
        body: body.stream,
        duplex: "half",
        headers: { "Content-Range": `${String(PIECE)}-${String(2 * PIECE - 1)}` },
      });
      assert.equal(short.status, 400);
      assert.equal((await c.expect(204, "GET", location)).headers.get("Range"), `0-${String(PIECE - 1)}`);
      assert.equal((await patch(b, location, blob.bytes.subarray(PIECE), PIECE)).status, 202);
      await b.expect(201, "PUT", `${location}?digest=${blob.digest}`);
      await assertServed(blob);
    });
  });
}
