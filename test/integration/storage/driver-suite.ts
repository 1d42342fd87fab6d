import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { isBerthError, type ErrorCode } from "../../../oci/errors.js";
import { listAllKeys } from "../../../registry/storage/whole-listing.js";
import type { ObjectBody, ObjectStore } from "../../../storage/object-store.js";

export interface DriverUnderTest {
  open(): Promise<ObjectStore>;
  /** Whatever the medium holds beyond the objects themselves: staging files, empty directories, unfinished uploads. */
  leftovers(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

const throwing =
  (...codes: ErrorCode[]) =>
  (error: unknown): boolean =>
    isBerthError(error, ...codes);

async function read(body: ObjectBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // Copied, because a chunk is valid only until the next.
  for await (const chunk of body.chunks) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** What every driver must do (storage/object-store.ts). Two stores on one medium stand for two processes. */
export function describeDriver(name: string, make: () => Promise<DriverUnderTest>): void {
  describe(`object store contract: ${name}`, () => {
    let driver: DriverUnderTest;
    let store: ObjectStore;
    let other: ObjectStore;

    beforeEach(async () => {
      driver = await make();
      store = await driver.open();
      other = await driver.open();
    });

    afterEach(async () => {
      for (let keys: readonly string[] = [""]; keys.length > 0;) {
        ({ keys } = await store.list({ prefix: "" }));
        for (let i = 0; i < keys.length; i += 50) {
          await Promise.all(keys.slice(i, i + 50).map(async (key) => await store.delete(key)));
        }
      }
      await Promise.all([store.close(), other.close()]);
      const left = await driver.leftovers();
      await driver.dispose();
      assert.deepEqual(left, []);
    });

    const put = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await store.put(key, Buffer.from(key));
    };

    it("put is seen by another process, whole, and replaces what was there", async () => {
      await store.put("a/b", Buffer.from("one"));
      assert.equal((await other.get("a/b")).toString(), "one");
      await store.put("a/b", Buffer.from("another"));
      assert.equal((await other.get("a/b")).toString(), "another");
      assert.equal((await other.stat("a/b"))?.size, 7);
    });

    it("put takes an empty object", async () => {
      await store.put("empty", Buffer.alloc(0));
      assert.equal((await store.get("empty")).length, 0);
      assert.deepEqual(await read(await store.open("empty")), Buffer.alloc(0));
    });

    it("put with ifAbsent refuses an existing key and leaves it as it was", async () => {
      await put("a");
      await assert.rejects(other.put("a", Buffer.from("b"), { ifAbsent: true }), throwing("ALREADY_EXISTS"));
      assert.equal((await store.get("a")).toString(), "a");
    });

    it("of parallel creations exactly one wins, and its bytes are there", async () => {
      for (let round = 0; round < 20; round++) {
        const key = `race/${String(round)}`;
        const writers = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? store : other));
        const outcomes = await Promise.allSettled(
          writers.map(async (writer, i) => {
            await writer.put(key, Buffer.from(String(i)), { ifAbsent: true, volatile: i % 3 === 0 });
          }),
        );
        const winners = outcomes.flatMap(({ status }, i) => (status === "fulfilled" ? [String(i)] : []));
        assert.equal(winners.length, 1);
        assert.equal((await store.get(key)).toString(), winners[0]);
      }
    });

    it("readers during replacement see one value or the other, never a part", async () => {
      const values = ["a", "b"].map((letter) => Buffer.from(letter.repeat(50_000)));
      await store.put("k", values[0] ?? Buffer.alloc(0));
      const writing = new AbortController();
      const reader = (async () => {
        while (!writing.signal.aborted) {
          const bytes = await other.get("k");
          assert.ok(values.some((value) => value.equals(bytes)));
        }
      })();
      for (let i = 0; i < 50; i++) await store.put("k", values[i % 2] ?? Buffer.alloc(0));
      writing.abort();
      await reader;
    });

    it("a missing object is OBJECT_UNKNOWN to get and open, undefined to stat, and nothing to delete", async () => {
      await put("a/b");
      for (const key of ["nothing", "a", "a/b/c", "a/c"]) {
        await assert.rejects(store.get(key), throwing("OBJECT_UNKNOWN"), key);
        await assert.rejects(store.open(key), throwing("OBJECT_UNKNOWN"), key);
        assert.equal(await store.stat(key), undefined, key);
        assert.equal(await store.stampOf(`${key}/x`), undefined, key);
      }
      await store.delete("nothing");
      await store.delete("a/nothing");
    });

    it("deletes several keys, whether they are there or not, and nothing else", async () => {
      for (const key of ["a/1", "a/2", "b/c/3", "b/4", "b/42"]) await put(key);
      await store.deleteAll(["a/1", "a/2", "a/nothing", "b/c/3", "b/4"]);
      assert.deepEqual((await store.list({ prefix: "" })).keys, ["b/42"]);
      await store.deleteAll([]);
      await store.deleteAll(["b/42"]);
      assert.deepEqual((await store.list({ prefix: "" })).keys, []);
    });

    it("keys cannot leave the store", async () => {
      for (const key of [
        "",
        "/",
        "..",
        "../x",
        "a/../b",
        "a//b",
        "/etc/passwd",
        "a/",
        ".staging",
        "a/.b",
        "a\0b",
        "a b",
        "é",
      ]) {
        await assert.rejects(store.put(key, Buffer.from("x")), throwing("STORAGE"), JSON.stringify(key));
        await assert.rejects(store.get(key), throwing("STORAGE"), JSON.stringify(key));
        await assert.rejects(store.delete(key), throwing("STORAGE"), JSON.stringify(key));
      }
      await assert.rejects(store.put(`a/${"x".repeat(256)}`, Buffer.from("x")), throwing("STORAGE"));
    });

    it("open gives ranges", async () => {
      const bytes = randomBytes(1_500_000);
      await store.put("large", bytes);
      for (const [start, length] of [
        [0, 1_500_000],
        [0, 1],
        [1_499_999, 1],
        [262_143, 2],
        [100, 700_000],
        [5, 0],
      ] as const) {
        const body = await other.open("large", { start, length });
        assert.equal(body.size, 1_500_000);
        assert.deepEqual(await read(body), bytes.subarray(start, start + length));
      }
    });

    it("a reader goes on with an object that is deleted or replaced meanwhile", async () => {
      const bytes = randomBytes(2_000_000);
      await store.put("k", bytes);
      const [first, second] = [await store.open("k"), await store.open("k")];
      await other.put("k", Buffer.from("new"));
      await other.delete("k");
      assert.deepEqual(await read(first), bytes);
      await second.close();
      await second.close();
    });

    it("list is ordered by bytes, with prefix, startAfter and pages", async () => {
      const keys = ["a", "a-b", "a.b", "a0", "b/a/c", "b/a-b", "b/a.b", "b/a0", "b/b", "c!d/e", "c/d"];
      await put(...keys.toReversed());
      assert.deepEqual((await other.list({ prefix: "" })).keys, [...keys].sort());
      assert.deepEqual((await store.list({ prefix: "b/" })).keys, ["b/a-b", "b/a.b", "b/a/c", "b/a0", "b/b"]);
      assert.deepEqual((await store.list({ prefix: "b/a" })).keys, ["b/a-b", "b/a.b", "b/a/c", "b/a0"]);
      assert.deepEqual((await store.list({ prefix: "b/a/" })).keys, ["b/a/c"]);
      assert.deepEqual((await store.list({ prefix: "nothing/" })).keys, []);
      assert.deepEqual((await store.list({ prefix: "", startAfter: "b/a.b" })).keys, [
        "b/a/c",
        "b/a0",
        "b/b",
        "c!d/e",
        "c/d",
      ]);
      assert.deepEqual((await store.list({ prefix: "b/", startAfter: "b/a/b" })).keys, ["b/a/c", "b/a0", "b/b"]);
      for (const limit of [1, 2, 3, keys.length]) {
        const paged: string[] = [];
        let startAfter: string | undefined;
        do {
          const page = await store.list({ prefix: "", limit, ...(startAfter !== undefined && { startAfter }) });
          assert.ok(page.keys.length <= limit);
          paged.push(...page.keys);
          startAfter = page.next;
        } while (startAfter !== undefined);
        assert.deepEqual(paged, [...keys].sort(), String(limit));
      }
    });

    it("list of keys that are known to lie at one depth gives the same", async () => {
      await put("t/b", "t/a-b", "t/a.b", "t/a", "t-b", "u/a");
      const pages = async (shallow: boolean): Promise<unknown> => [
        await store.list({ prefix: "t/", shallow }),
        await other.list({ prefix: "t/", shallow, startAfter: "t/a-b" }),
        await store.list({ prefix: "t/", shallow, limit: 2 }),
        await store.list({ prefix: "t/", shallow, limit: 2, startAfter: "t/a-b" }),
        await store.list({ prefix: "t/", shallow, limit: 0 }),
        await store.list({ prefix: "t/", shallow, startAfter: "t/z" }),
        await store.list({ prefix: "nothing/", shallow }),
      ];
      assert.deepEqual(await pages(true), await pages(false));
      assert.deepEqual((await store.list({ prefix: "t/", shallow: true })).keys, ["t/a", "t/a-b", "t/a.b", "t/b"]);
    });

    it("list with a delimiter groups what lies deeper", async () => {
      await put("r/a!b/t/1", "r/a!b/t/2", "r/a/t/1", "r/c", "r/d/e");
      const whole = await store.list({ prefix: "r/", delimiter: "/" });
      assert.deepEqual([whole.prefixes, whole.keys], [["r/a!b/", "r/a/", "r/d/"], ["r/c"]]);
      const page = await store.list({ prefix: "r/", delimiter: "/", limit: 2 });
      assert.deepEqual(page.prefixes, ["r/a!b/", "r/a/"]);
      const rest = await store.list({ prefix: "r/", delimiter: "/", startAfter: page.next ?? "" });
      assert.deepEqual([rest.prefixes, rest.keys, rest.next], [["r/d/"], ["r/c"], undefined]);
    });

    it("a page holds a thousand keys at most", async () => {
      const all = Array.from({ length: 1002 }, (_, i) => `many/${String(i).padStart(5, "0")}`);
      for (let i = 0; i < all.length; i += 50) {
        const some = all.slice(i, i + 50);
        await Promise.all(some.map(async (key) => await store.put(key, Buffer.alloc(0), { volatile: true })));
      }
      const page = await store.list({ prefix: "many/", limit: 5000 });
      assert.deepEqual([page.keys.length, page.next], [1000, "many/00999"]);
      assert.equal((await listAllKeys(store, "many/")).length, all.length);
      assert.equal((await store.list({ prefix: "many/", startAfter: "many/00999" })).keys.length, 2);
    });

    it("an upload appears at its key all at once", async () => {
      const bytes = randomBytes(3_000_000);
      const upload = await store.openUpload("up/load");
      for (let i = 0; i < bytes.length; i += 65_536) await upload.write(bytes.subarray(i, i + 65_536));
      assert.equal(upload.size, bytes.length);
      assert.equal(await other.stat("up/load"), undefined);
      await upload.complete();
      assert.deepEqual(await read(await other.open("up/load")), bytes);
    });

    it("another process goes on with an upload from its last state, without the bytes that came after", async () => {
      const bytes = randomBytes(200_000);
      const first = await store.openUpload("up");
      await first.write(bytes.subarray(0, 70_000));
      const state = await first.suspend();
      await first.write(randomBytes(33_000));
      await first.release();
      const second = await other.openUpload("up", state);
      assert.equal(second.size, 70_000);
      await second.write(bytes.subarray(70_000));
      await second.complete();
      assert.deepEqual(await read(await store.open("up")), bytes);
      await assert.rejects(store.openUpload("up", state), throwing("OBJECT_UNKNOWN"));
    });

    it("an upload never replaces an object, and knows when another process has ended it", async () => {
      const first = await store.openUpload("up");
      await first.write(Buffer.from("first"));
      const second = await other.openUpload("up", await first.suspend());
      const late = await store.openUpload("up");
      assert.equal(await first.isCurrent(), true);
      await second.complete();
      assert.equal(await first.isCurrent(), false);
      await late.write(Buffer.from("late"));
      await assert.rejects(late.complete(), throwing("ALREADY_EXISTS"));
      await late.abort();
      await first.release();
      assert.equal((await store.get("up")).toString(), "first");
    });

    it("an aborted upload leaves nothing, and an empty one gives an empty object", async () => {
      const aborted = await store.openUpload("up/aborted");
      await aborted.write(randomBytes(100_000));
      const state = await aborted.suspend();
      await aborted.abort();
      await aborted.abort();
      await assert.rejects(other.openUpload("up/aborted", state), throwing("OBJECT_UNKNOWN"));
      const empty = await store.openUpload("up/empty");
      await empty.complete();
      assert.equal((await store.stat("up/empty"))?.size, 0);
    });

    it("puts and deletes in one place do not disturb each other", async () => {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          for (let round = 0; round < 40; round++) {
            const key = `deep/er/${String(i)}/key`;
            await (i % 2 === 0 ? store : other).put(key, Buffer.from("x"), { ifAbsent: true, volatile: true });
            await (i % 2 === 0 ? other : store).delete(key);
          }
        }),
      );
      assert.deepEqual((await store.list({ prefix: "" })).keys, []);
    });

    it("a stamp changes with its object and with the keys below it", async () => {
      const stamps = async (): Promise<(string | undefined)[]> => {
        // Long enough for any driver to tell two changes apart.
        await sleep(100);
        return [await store.stampOf("s/k"), await store.stampOf("s")];
      };
      await put("s/k");
      const seen = [await stamps()];
      await other.put("s/k", Buffer.from("x"));
      seen.push(await stamps());
      await other.put("s/l", Buffer.from("x"));
      seen.push(await stamps());
      await other.delete("s/l");
      seen.push(await stamps());
      const [objects, directories] = [seen.map(([object]) => object), seen.map(([, directory]) => directory)];
      if (objects[0] !== undefined) assert.notEqual(objects[0], objects[1]);
      assert.equal(objects[1], objects[3]);
      const given = directories.filter((stamp) => stamp !== undefined);
      assert.equal(new Set(given).size, given.length);
    });
  });
}
