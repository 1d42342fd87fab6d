import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";

import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarMember, tarOf } from "../../../helpers/tar-bytes.js";

const MIB = 1024 * 1024;

describe("a layer that is a bomb", () => {
  let sandbox: LayerSandbox;
  beforeEach(() => {
    sandbox = layerSandbox();
  });
  afterEach(() => {
    sandbox.remove();
  });

  it("is stopped at the limit of its size", async () => {
    const layer = gzipSync(tarOf({ path: "zeros", content: Buffer.alloc(8 * MIB) }));
    const limits = { maxUncompressedBytes: MIB };
    await assert.rejects(sandbox.unpack(layer, { limits }), nativeFailure("LIMIT", /1048576 bytes/));
  });

  it("is stopped at the limit of its ratio, from 64 MiB on", async () => {
    const small = gzipSync(tarOf({ path: "zeros", content: Buffer.alloc(60 * MIB) }));
    await sandbox.unpack(small, { limits: { maxRatio: 10 } });
    const large = gzipSync(tarOf({ path: "zeros", content: Buffer.alloc(80 * MIB) }));
    await assert.rejects(sandbox.unpack(large, { limits: { maxRatio: 10 } }), nativeFailure("LIMIT", /10 times/));
  });

  it("is stopped at the limit of its entries", async () => {
    const layer = tarOf(...Array.from({ length: 11 }, (_, i) => ({ path: `f${String(i)}` })));
    await sandbox.unpack(layer, { limits: { maxEntries: 11 } });
    await assert.rejects(sandbox.unpack(layer, { limits: { maxEntries: 10 } }), nativeFailure("LIMIT", /10 entries/));
  });

  it("is stopped at the limit of a path's length", async () => {
    const path = "d/".repeat(40) + "f";
    await sandbox.unpack(tarOf({ path }), { limits: { maxPathBytes: 81 } });
    const refused = nativeFailure("LIMIT", /80 bytes/);
    await assert.rejects(sandbox.unpack(tarOf({ path }), { limits: { maxPathBytes: 80 } }), refused);
    const long = tarOf({ path: "short", pax: { path: "d/".repeat(2048) + "f" } });
    await assert.rejects(sandbox.unpack(long), nativeFailure("LIMIT", /4095 bytes/));
  });

  it("of sparse files counts as large as the files would be", async () => {
    const pax = { "GNU.sparse.size": String(1024 ** 4), "GNU.sparse.map": "0,0" };
    const limits = { maxUncompressedBytes: 1024 ** 3 };
    const layer = tarOf({ path: "hole", pax });
    await assert.rejects(sandbox.unpack(layer, { limits }), nativeFailure("LIMIT", /hole/));
  });

  it("of header extensions does not fill the memory", async () => {
    const large = tarMember({ path: "name", type: "L", content: "a", size: 8 * MIB });
    await assert.rejects(sandbox.unpack(large), nativeFailure("LAYER_INVALID", /1 MiB/));
    const many = Array.from({ length: 40 }, () => ({
      path: "p",
      type: "x",
      content: `${"9".padStart(5, "0")} comment=`,
    }));
    await assert.rejects(sandbox.unpack(tarOf(...many)), nativeFailure("LAYER_INVALID"));
  });
});
