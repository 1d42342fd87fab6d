import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import { isBerthError } from "../../../oci/errors.js";
import { giveBackAligned, takeAligned } from "../../../storage/filesystem/aligned-buffers.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { STRIPE_BYTES } from "../../../storage/filesystem/striped-file.js";
import type { ObjectBody } from "../../../storage/object-store.js";
import { cachedBytesOf, Ext4Disk } from "./ext4-disk.js";

const MIB = 1024 ** 2;
const STRIPED_FROM = 64 * 1024;
const ROUNDS = 30;

/** All that are free. */
function takeAll(): (readonly Buffer[])[] {
  const pairs: (readonly Buffer[])[] = [];
  for (let pair = takeAligned(2); pair !== undefined; pair = takeAligned(2)) pairs.push(pair);
  return pairs;
}

async function read(body: ObjectBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body.chunks) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe("a large file on ext4", () => {
  let disk: Ext4Disk;
  let store: FilesystemObjectStore;
  let pairs: number;

  before(() => {
    disk = new Ext4Disk(40);
  });

  beforeEach(async () => {
    store = await FilesystemObjectStore.open(join(disk.directory, "store"), STRIPED_FROM);
    const all = takeAll();
    pairs = all.length;
    all.forEach(giveBackAligned);
  });

  afterEach(async () => {
    for (const key of (await store.list({ prefix: "" })).keys) await store.delete(key);
    const all = takeAll();
    all.forEach(giveBackAligned);
    assert.ok(all.length >= pairs, "every buffer was given back");
    assert.deepEqual(readdirSync(join(disk.directory, "store", ".staging")), []);
  });

  after(() => {
    disk.remove();
  });

  async function upload(key: string, bytes: Buffer, chunkSize: () => number): Promise<void> {
    const writer = await store.openUpload(key);
    for (let at = 0; at < bytes.length;) {
      const chunk = bytes.subarray(at, at + chunkSize());
      await writer.write(Buffer.from(chunk));
      at += chunk.length;
    }
    await writer.complete();
  }

  it("goes through the page cache by two stripes of five, and is read so for the first time, and wholly from then on", async () => {
    const bytes = randomBytes(9 * MIB + 12_345);
    const path = join(disk.directory, "store", "large");
    // From 0 and from 6 MiB; what is no whole block at the end, and at most what the kernel reads ahead, are more.
    const stripes = 2 * STRIPE_BYTES;
    const most = stripes + 128 * 1024;
    // The kernel may take pages back at any time.
    for (let i = 0; i === 0 || cachedBytesOf(path) < stripes; i++) {
      assert.ok(i < 20, "what was written into the page cache");
      if (i > 0) await store.delete("large");
      await upload("large", bytes, () => 64 * 1024);
      assert.ok(cachedBytesOf(path) <= most, "after it was written");
    }
    assert.deepEqual(await read(await store.open("large")), bytes);
    assert.ok(cachedBytesOf(path) <= most, "after it was read once");
    // fincore(1) does not count the last page when the file ends within it.
    for (let i = 0; cachedBytesOf(path) < bytes.length - 4096; i++) {
      assert.ok(i < 20, "after it was read twice");
      assert.deepEqual(await read(await store.open("large")), bytes);
    }
    assert.deepEqual(await read(await store.open("large")), bytes);
  });

  it("has the bytes that were sent, in whatever pieces they come, whoever goes on with it, and whichever are read", async () => {
    const size = fc.integer({ min: 0, max: 3 * MIB });
    const pieces = fc.array(fc.record({ size, next: fc.constantFrom("go on", "suspend", "resume", "take over") }), {
      maxLength: 6,
    });
    const range = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(pieces, range, async (plan, [first, share]) => {
        const sent: Buffer[] = [];
        let writer = await store.openUpload("file");
        for (const piece of plan) {
          const bytes = randomBytes(piece.size);
          sent.push(bytes);
          for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
          if (piece.next === "go on") continue;
          const state = await writer.suspend();
          if (piece.next === "suspend") continue;
          // What comes after the state is of no use.
          await writer.write(randomBytes(randomInt(200_000)));
          if (piece.next === "resume") await writer.release();
          const former = writer;
          writer = await store.openUpload("file", state, { contested: piece.next === "take over" });
          await former.release();
        }
        await writer.complete();
        const whole = Buffer.concat(sent);
        const start = Math.floor(first * whole.length);
        const length = Math.floor(share * (whole.length - start));
        const part = await read(await store.open("file", { start, length }));
        assert.ok(part.equals(whole.subarray(start, start + length)));
        for (let i = 0; i < 2; i++) assert.ok((await read(await store.open("file"))).equals(whole));
        await store.delete("file");
      }),
      { numRuns: ROUNDS },
    );
  });

  it("goes through the page cache where no buffer is left, and is whole", async () => {
    const count = pairs + 2;
    const contents = Array.from({ length: count }, () => randomBytes(MIB + randomInt(MIB)));
    const writers = await Promise.all(contents.map(async (_, i) => await store.openUpload(`file${String(i)}`)));
    await Promise.all(writers.map(async (writer, i) => await writer.write(contents[i] ?? Buffer.alloc(0))));
    assert.equal(takeAll().length, 0);
    await Promise.all(writers.map(async (writer) => await writer.complete()));
    const bodies = await Promise.all(contents.map(async (_, i) => await read(await store.open(`file${String(i)}`))));
    for (const [i, body] of bodies.entries()) assert.ok(body.equals(contents[i] ?? Buffer.alloc(0)));
  });

  it("that does not fit is NO_SPACE, and leaves the disk as it was", async () => {
    const writer = await store.openUpload("large");
    await assert.rejects(
      async () => {
        for (let i = 0; i < 50; i++) await writer.write(randomBytes(MIB));
        await writer.complete();
      },
      (error) => isBerthError(error, "NO_SPACE"),
    );
    await writer.abort();
    const bytes = randomBytes(20 * MIB);
    await upload("fits", bytes, () => MIB);
    assert.ok((await read(await store.open("fits"))).equals(bytes));
  });

  it("gives its buffers back when its reader or its writer leaves half-way", async () => {
    await upload("file", randomBytes(4 * MIB), () => 300_000);
    const body = await store.open("file");
    for await (const chunk of body.chunks) if (chunk.length > STRIPED_FROM) break;
    const writer = await store.openUpload("left");
    for (let i = 0; i < 3; i++) await writer.write(randomBytes(MIB));
    await writer.abort();
  });
});
