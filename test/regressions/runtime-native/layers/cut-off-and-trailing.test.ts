import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarMember, tarOf } from "../../../helpers/tar-bytes.js";

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe("a layer that is cut off or goes on after its end", () => {
  let sandbox: LayerSandbox;
  beforeEach(() => {
    sandbox = layerSandbox();
  });
  afterEach(() => {
    sandbox.remove();
  });

  const plain = tarOf({ path: "a", content: "x".repeat(1000) }, { path: "b", content: "y" });

  it("is refused when the tar ends inside a header or a file", async () => {
    for (const length of [100, 511, 600, 1000, 1500]) {
      const cut = plain.subarray(0, length);
      await assert.rejects(sandbox.unpack(cut), nativeFailure("LAYER_INVALID"), `cut at ${String(length)}`);
    }
  });

  it("is accepted when only the blocks of zeros at the end are missing", async () => {
    assert.equal((await sandbox.unpack(plain.subarray(0, plain.length - 1024))).entries, 2);
  });

  it("is refused when the gzip stream is cut anywhere", async () => {
    const whole = gzipSync(plain);
    for (let length = 4; length < whole.length; length += 7) {
      await assert.rejects(sandbox.unpack(whole.subarray(0, length)), nativeFailure("LAYER_INVALID", /cut off/));
    }
  });

  it("is refused when the gzip checksum is wrong", async () => {
    const damaged = gzipSync(plain);
    damaged[damaged.length - 6]! ^= 1;
    await assert.rejects(sandbox.unpack(damaged), nativeFailure("LAYER_INVALID", /gzip/));
  });

  it("is refused when other bytes follow the gzip stream, but for zeros", async () => {
    const whole = gzipSync(plain);
    await assert.rejects(
      sandbox.unpack(Buffer.concat([whole, Buffer.from("garbage")])),
      nativeFailure("LAYER_INVALID", /garbage/),
    );
    assert.equal((await sandbox.unpack(Buffer.concat([whole, Buffer.alloc(512)]))).entries, 2);
  });

  it("of several gzip members is read to its end", async () => {
    const parts = [plain.subarray(0, 700), plain.subarray(700, 701), plain.subarray(701)].map((part) => gzipSync(part));
    const layer = Buffer.concat(parts);
    const result = await sandbox.unpack(layer);
    assert.equal(result.diffId, sha256(plain));
    assert.equal(result.digest, sha256(layer));
    assert.equal(readFileSync(sandbox.path("b"), "utf8"), "y");
  });

  it("has every byte after the archive's end in its DiffID and none of it on disk", async () => {
    const trailing = Buffer.concat([plain, Buffer.from("trailing"), tarMember({ path: "hidden" })]);
    const result = await sandbox.unpack(gzipSync(trailing));
    assert.equal(result.diffId, sha256(trailing));
    assert.equal(result.uncompressedSize, trailing.length);
    assert.deepEqual(readdirSync(sandbox.target).sort(), ["a", "b"]);
  });

  it("that is empty is an empty layer, but no gzip", async () => {
    assert.equal((await sandbox.unpack(Buffer.alloc(0))).entries, 0);
    await assert.rejects(sandbox.unpack(Buffer.alloc(0), { compression: "gzip" }), nativeFailure("LAYER_INVALID"));
  });
});
