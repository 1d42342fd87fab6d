import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Worker } from "node:worker_threads";

import { createLayerUnpacker, unpackLayerFile, type NativeError } from "../../../../runtime-native/index.js";
import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf } from "../../../helpers/tar-bytes.js";
import { inTheEnd } from "../../../helpers/wait-until.js";

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const MODULE = new URL("../../../../runtime-native/index.js", import.meta.url).href;

function nativeThreads(): string[] {
  return readdirSync("/proc/self/task").filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, "utf8").startsWith("berth-");
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

/** Counts what is left of many aborts, in a process where nobody else opens, closes or allocates anything. */
const MANY_ABORTS = `
  const { readFileSync, readdirSync } = await import("node:fs");
  const [, module, layerFile, target] = process.argv;
  const { createLayerUnpacker } = await import(module);
  const layer = readFileSync(layerFile);
  const once = async (i) => {
    const own = createLayerUnpacker({ target, compression: "auto" });
    const written = own.write(layer.subarray(0, (i * 977777) % layer.length)).catch(() => undefined);
    if (i % 3 === 0) await written;
    await own.abort();
    await written;
  };
  const files = () => readdirSync("/proc/self/fd").length;
  for (let i = 0; i < 20; i++) await once(i);
  const before = { files: files(), memory: process.memoryUsage.rss() };
  for (let i = 0; i < 150; i++) await once(i);
  console.log(JSON.stringify({ files: files() - before.files, memory: process.memoryUsage.rss() - before.memory }));`;

describe("LayerUnpacker", () => {
  let sandbox: LayerSandbox;
  const tar = tarOf({ path: "random", content: randomBytes(12_000_000) }, { path: "small", content: "1" });
  const layer = gzipSync(tar, { level: 1 });

  beforeEach(() => {
    sandbox = layerSandbox();
  });
  afterEach(async () => {
    sandbox.remove();
    // One that has been joined may be listed for a moment longer.
    assert.deepEqual(await inTheEnd(nativeThreads), []);
  });
  const unpacker = (options = {}) => createLayerUnpacker({ target: sandbox.target, compression: "auto", ...options });

  for (const size of [1, 511, 65_536, layer.length]) {
    it(`takes chunks of ${String(size)} bytes, hashes both sides and keeps the blob`, async () => {
      const bytes = size === 1 ? gzipSync(tarOf({ path: "small", content: "1" })) : layer;
      const blobFile = join(sandbox.directory, "blob");
      const own = unpacker({ blobFile, expectedDigest: sha256(bytes), expectedSize: bytes.length });
      for (let offset = 0; offset < bytes.length; offset += size) {
        const chunk = Buffer.from(bytes.subarray(offset, offset + size));
        const written = own.write(chunk);
        chunk.fill(0); // copied before write() returns
        await written;
      }
      const result = await own.finish();
      assert.equal(result.digest, sha256(bytes));
      assert.equal(sha256(readFileSync(blobFile)), result.digest);
      if (size !== 1) assert.equal(result.diffId, sha256(tar));
      assert.equal(result.compression, "gzip");
      assert.equal(readFileSync(sandbox.path("small"), "utf8"), "1");
    });
  }

  it("refuses wrong digests, DiffIDs and sizes, and a blob file that exists", async () => {
    const zeros = `sha256:${"0".repeat(64)}`;
    for (const wrong of [
      { expectedDigest: zeros },
      { expectedDiffId: zeros },
      { expectedSize: 10 },
      { expectedSize: 1e9 },
    ]) {
      await assert.rejects(sandbox.unpack(layer, wrong), nativeFailure("DIGEST_MISMATCH"));
    }
    const blobFile = join(sandbox.directory, "blob");
    writeFileSync(blobFile, "mine");
    assert.throws(() => unpacker({ blobFile }), nativeFailure("SYSTEM", /blob: File exists/));
    assert.equal(readFileSync(blobFile, "utf8"), "mine");
    assert.throws(
      () => unpacker({ target: join(sandbox.directory, "missing") }),
      nativeFailure("SYSTEM", /No such file/),
    );
  });

  it("makes a fast writer wait, and lets it go on", async () => {
    const own = unpacker();
    let settled = 0;
    const writes: Promise<unknown>[] = [];
    for (let offset = 0; offset < layer.length; offset += 65_536) {
      writes.push(own.write(layer.subarray(offset, offset + 65_536)).then(() => settled++));
    }
    await Promise.resolve();
    await new Promise(setImmediate);
    assert.ok(writes.length > 100);
    const result = await own.finish();
    await Promise.all(writes);
    assert.equal(settled, writes.length);
    assert.equal(result.digest, sha256(layer));
  });

  it("rejects write() and finish() with the first failure", async () => {
    const own = unpacker();
    await own.write(Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), randomBytes(1000)]));
    await assert.rejects(own.finish(), nativeFailure("LAYER_INVALID"));
    await assert.rejects(own.write(Buffer.alloc(1)), nativeFailure("LAYER_INVALID"));
    await assert.rejects(own.finish(), nativeFailure("LAYER_INVALID"));
    await own.abort();
  });

  it("stops at once on abort(), twice if need be, with everything waiting rejected", async () => {
    const own = unpacker();
    const waiting: Promise<unknown>[] = [];
    for (let offset = 0; offset < layer.length - 65_536; offset += 65_536) {
      waiting.push(own.write(layer.subarray(offset, offset + 65_536)));
    }
    waiting.push(own.finish());
    const settled = Promise.allSettled(waiting);
    await Promise.all([own.abort(), own.abort()]);
    const outcomes = await settled;
    await own.abort();
    assert.equal(outcomes.at(-1)?.status, "rejected");
    for (const outcome of outcomes) {
      // Its threads may have been through with it, and have found it cut off, before they were told.
      if (outcome.status === "rejected")
        assert.match((outcome.reason as NativeError).code, /^(ABORTED|LAYER_INVALID)$/);
    }
  });

  it("leaks no descriptor or memory over many aborts", () => {
    const file = join(sandbox.directory, "layer");
    writeFileSync(file, layer);
    const args = ["--input-type=module", "-e", MANY_ABORTS, MODULE, file, sandbox.target];
    const counted = execFileSync(process.execPath, args, { encoding: "utf8", timeout: 240_000 });
    const { files, memory } = JSON.parse(counted) as { files: number; memory: number };
    assert.equal(files, 0);
    assert.ok(memory < 64e6, `${String(memory)} bytes more`);
  });

  it("is stopped by a signal while it reads a file", async () => {
    const file = join(sandbox.directory, "layer");
    writeFileSync(file, layer);
    const options = { target: sandbox.target, compression: "auto" } as const;
    const reason = new Error("enough");
    const controller = new AbortController();
    const unpacked = unpackLayerFile(file, options, controller.signal);
    controller.abort(reason);
    await assert.rejects(unpacked, (error) => error === reason);
    await assert.rejects(unpackLayerFile(file, options, AbortSignal.abort(reason)), (error) => error === reason);
  });

  it("goes away with a Worker that is terminated in the middle", async () => {
    const code = `
      const { workerData, parentPort } = require("node:worker_threads");
      import(workerData.module).then(async ({ createLayerUnpacker }) => {
        const own = createLayerUnpacker({ target: workerData.target, compression: "auto" });
        await own.write(workerData.bytes);
        parentPort.postMessage("started");
        setInterval(() => {}, 1000);
      });`;
    for (let i = 0; i < 3; i++) {
      const bytes = layer.subarray(0, 5_000_000);
      const worker = new Worker(code, { eval: true, workerData: { module: MODULE, target: sandbox.target, bytes } });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
    }
    assert.ok(existsSync(sandbox.target));
  });

  it("does not keep the process of somebody who forgot it", () => {
    const code = `import(${JSON.stringify(MODULE)}).then((m) => { m.createLayerUnpacker({ target: ${JSON.stringify(sandbox.target)}, compression: "auto" }); })`;
    execFileSync(process.execPath, ["-e", code], { timeout: 240_000 });
  });
});
