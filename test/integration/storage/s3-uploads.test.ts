import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import type { S3Client } from "@aws-sdk/client-s3";

import { isBerthError } from "../../../oci/errors.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import { MIN_PART_SIZE } from "../../../storage/s3/s3-settings.js";
import { describeWith } from "../../helpers/capabilities.js";
import { objectsAt, s3Client, unfinishedUploadsAt } from "../../helpers/s3-server/s3-inspection.js";
import { retainedMemory } from "../../helpers/retained-memory.js";
import { S3Proxy, type Fault } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";

const MIB = 1024 * 1024;
/** The proxy is in this process as well, and copies what it passes on. */
const MOST_BYTES = 12 * MIN_PART_SIZE;

describeWith(S3_SERVER, "uploads to S3", () => {
  let place: S3Place;
  let proxy: S3Proxy;
  let client: S3Client;
  let store: S3ObjectStore;
  let other: S3ObjectStore;

  beforeEach(async () => {
    place = await s3Place();
    client = s3Client(place);
    proxy = await S3Proxy.start(place.endpoint);
    const settings = { ...place, endpoint: proxy.endpoint, partSize: MIN_PART_SIZE, partsInMemory: 2 };
    store = await S3ObjectStore.open(settings, { probe: false });
    other = await S3ObjectStore.open(settings, { probe: false });
  });

  afterEach(async () => {
    await Promise.all([store.close(), other.close()]);
    await proxy.stop();
    client.destroy();
  });

  const left = async (): Promise<string[]> => [
    ...(await objectsAt(client, place)).map((key) => key.slice(place.prefix.length)),
    ...(await unfinishedUploadsAt(client, place)),
  ];

  const failOnce = (operation: string, fault: Fault): void => {
    let faults = 1;
    proxy.faultFor = (request) => (request.operation === operation && faults-- > 0 ? fault : undefined);
  };

  const write = async (upload: Awaited<ReturnType<ObjectStore["openUpload"]>>, bytes: Buffer): Promise<void> => {
    for (let i = 0; i < bytes.length; i += 100_000) await upload.write(bytes.subarray(i, i + 100_000));
  };

  it("parts go to the final key while bytes come in, and nothing is copied", async () => {
    const bytes = randomBytes(12 * MIB);
    const upload = await store.openUpload("up");
    await write(upload, bytes);
    await upload.complete();
    assert.ok((await store.get("up")).equals(bytes));
    const { GetObject: _, ...counts } = proxy.counts();
    assert.deepEqual(counts, { CreateMultipartUpload: 1, UploadPart: 3, HeadObject: 1, CompleteMultipartUpload: 1 });
    assert.deepEqual(await left(), ["up"]);
  });

  it("an upload of several parts does not replace what another one has put there", async () => {
    const bytes = randomBytes(6 * MIB);
    const [first, second] = [await store.openUpload("up"), await other.openUpload("up")];
    await write(first, bytes);
    await write(second, randomBytes(6 * MIB));
    await first.complete();
    await assert.rejects(second.complete(), (error) => isBerthError(error, "ALREADY_EXISTS"));
    await second.abort();
    assert.ok((await store.get("up")).equals(bytes));
    assert.deepEqual(await left(), ["up"]);
  });

  it("an upload goes from process to process in pieces of any size, with what they accepted and no more", async () => {
    const bytes = randomBytes(17 * MIB);
    const cuts = [0, 40_000, 3 * MIB, 3 * MIB + 1, 5 * MIB, 11 * MIB + 7, 11 * MIB + 7, bytes.length];
    let state: string | undefined;
    for (const [i, end] of cuts.entries()) {
      const upload = await (i % 2 === 0 ? store : other).openUpload("up", state);
      const start = cuts[i - 1] ?? 0;
      assert.equal(upload.size, start);
      await write(upload, bytes.subarray(start, end));
      state = await upload.suspend();
      // Lost with the process that took it.
      await write(upload, randomBytes(6 * MIB));
      await upload.release();
    }
    const last = await store.openUpload("up", state);
    await last.complete();
    assert.ok((await other.get("up")).equals(bytes));
    await assert.rejects(other.openUpload("up", state), (error) => isBerthError(error, "OBJECT_UNKNOWN"));
    await Promise.all([store.close(), other.close()]);
    assert.deepEqual(await left(), ["up"]);
  });

  it("the remainders of all uploads that end within a second go in one request, and are of no use at once", async () => {
    const states: string[] = [];
    for (const key of ["up/0", "up/1", "up/2"]) {
      const upload = await store.openUpload(key);
      await write(upload, randomBytes(1 * MIB));
      states.push(await upload.suspend());
      await upload.complete();
    }
    for (const [i, state] of states.entries()) {
      await assert.rejects(other.openUpload(`up/${String(i)}`, state), (error) =>
        isBerthError(error, "OBJECT_UNKNOWN"),
      );
    }
    await store.close();
    assert.ok((proxy.counts()["DeleteObjects"] ?? 0) <= 3 && proxy.counts()["DeleteObject"] === undefined);
    assert.deepEqual(await left(), ["up/0", "up/1", "up/2"]);
  });

  it("an abort leaves neither parts nor remainders, whoever aborts", async () => {
    const first = await store.openUpload("up");
    await write(first, randomBytes(11 * MIB));
    const state = await first.suspend();
    assert.equal(await first.isCurrent(), true);
    await (await other.openUpload("up", state)).abort();
    assert.equal(await first.isCurrent(), false);
    await first.abort();
    assert.deepEqual(await left(), []);
  });

  const survived: [string, Fault][] = [
    ["UploadPart", { kind: "reset", afterBytes: 2 * MIB }],
    ["UploadPart", { kind: "lose-answer" }],
    ["UploadPart", { kind: "answer", status: 503, code: "SlowDown" }],
    ["CompleteMultipartUpload", { kind: "lose-answer" }],
    ["CompleteMultipartUpload", { kind: "answer", status: 500, code: "InternalError" }],
    ["GetObject", { kind: "cut-answer", afterBytes: 3 * MIB }],
  ];
  for (const [operation, fault] of survived) {
    it(`is whole after one ${operation} met ${fault.kind}`, async () => {
      failOnce(operation, fault);
      const bytes = randomBytes(12 * MIB);
      const upload = await store.openUpload("up");
      await write(upload, bytes);
      await upload.complete();
      assert.ok((await store.get("up")).equals(bytes));
      assert.deepEqual(await left(), ["up"]);
    });
  }

  it("a creation whose answer got lost is known to be ours; another's is not", async () => {
    failOnce("PutObject", { kind: "lose-answer" });
    await store.put("k", Buffer.from("ours"), { ifAbsent: true });
    failOnce("PutObject", { kind: "lose-answer" });
    await assert.rejects(other.put("k", Buffer.from("theirs"), { ifAbsent: true }), (error) =>
      isBerthError(error, "ALREADY_EXISTS"),
    );
    assert.equal((await store.get("k")).toString(), "ours");
  });

  it("many uploads to a slow server keep no more in memory than two parts, and slow clients do not stop the others", async () => {
    proxy.faultFor = ({ operation }) => (operation === "UploadPart" ? { kind: "delay", ms: 20 } : undefined);
    // Two clients that pause with a part half received hold both buffers.
    const paused = await Promise.all([store.openUpload("paused/0"), store.openUpload("paused/1")]);
    const half = randomBytes(2 * MIB);
    for (const upload of paused) await write(upload, half);
    const chunk = randomBytes(1 * MIB);
    const before = retainedMemory().arrayBuffers;
    let most = 0;
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const upload = await store.openUpload(`up/${String(i)}`);
        for (let mebibytes = 0; mebibytes < 11; mebibytes++) {
          await upload.write(chunk);
          const inUse = process.memoryUsage().arrayBuffers - before;
          // Garbage that nobody has collected yet is none of ours.
          most = Math.max(most, inUse < MOST_BYTES ? inUse : retainedMemory().arrayBuffers - before);
        }
        await upload.complete();
      }),
    );
    assert.ok(proxy.mostBytesAtOnce <= 2 * MIN_PART_SIZE + 1000, String(proxy.mostBytesAtOnce));
    assert.ok(most < MOST_BYTES, String(most));
    for (const upload of paused) {
      await write(upload, half);
      await upload.complete();
    }
    const expected = createHash("sha256").update(half).update(half).digest("hex");
    assert.equal(
      createHash("sha256")
        .update(await store.get("paused/0"))
        .digest("hex"),
      expected,
    );
    await store.close();
    assert.equal((await left()).length, 12);
  });

  it("several keys are deleted in one request, and one by one where the server has no such request", async () => {
    const keys = ["a", "b", "c"];
    for (const key of keys) await store.put(key, Buffer.from(key));
    proxy.reset();
    await store.deleteAll(keys);
    assert.deepEqual([proxy.counts(), await left()], [{ DeleteObjects: 1 }, []]);
    for (const key of keys) await store.put(key, Buffer.from(key));
    proxy.faultFor = ({ operation }) =>
      operation === "DeleteObjects" ? { kind: "answer", status: 501, code: "NotImplemented" } : undefined;
    await store.deleteAll(keys);
    assert.deepEqual(await left(), []);
    proxy.reset();
    await store.deleteAll(keys);
    assert.deepEqual(proxy.counts(), { DeleteObject: 3 });
  });

  it("what killed writers left is swept when it is old enough, and not before", async () => {
    const killed = await store.openUpload("up");
    await write(killed, randomBytes(11 * MIB));
    await killed.suspend();
    assert.equal((await left()).length, 2);
    assert.equal(await other.sweepUploads(3600_000), 0);
    assert.equal(await other.sweepUploads(-60_000, async (key) => await Promise.resolve(key !== "up")), 1);
    assert.equal(await other.sweepUploads(-60_000), 1);
    assert.deepEqual(await left(), []);
    assert.equal(await killed.isCurrent(), false);
    await killed.abort();
  });
});
