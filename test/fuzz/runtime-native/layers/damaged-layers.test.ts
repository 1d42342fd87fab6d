import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import fc from "fast-check";

import { NativeError } from "../../../../runtime-native/index.js";
import { HOST_CONTENT, layerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf, type TarMember } from "../../../helpers/tar-bytes.js";

const name = fc.constantFrom("a", "b", "c", ".wh.a", ".wh..wh..opq", "..", ".", "host-file");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const member: fc.Arbitrary<TarMember> = fc.record({
  path: fc.oneof(
    path,
    path.map((relative) => `/${relative}`),
  ),
  type: fc.constantFrom("0", "0", "0", "1", "2", "2", "5", "5", "6", "3"),
  link: fc.oneof(
    path,
    path.map((relative) => `/${relative}`),
    path.map((relative) => `../../${relative}`),
  ),
  content: fc.constantFrom("", "evil"),
  mode: fc.constantFrom(0o755, 0o4777, 0),
});

/** Unpacks; whatever comes out, the host is untouched and the failure is one that berth names. */
async function attempt(layer: Uint8Array): Promise<void> {
  const sandbox = layerSandbox();
  try {
    try {
      await sandbox.unpack(layer);
    } catch (error) {
      assert.ok(error instanceof NativeError, String(error));
      if (error.code === "SYSTEM") assert.ok(["ELOOP", "EINVAL"].includes(errnoName(error)), error.message);
      else assert.ok(["LAYER_INVALID", "LIMIT"].includes(error.code), error.message);
    }
    assert.deepEqual(readdirSync(sandbox.directory).sort(), ["host-file", "target"]);
    assert.equal(readFileSync(sandbox.hostFile, "utf8"), HOST_CONTENT);
  } finally {
    sandbox.remove();
  }
}

function errnoName(error: NativeError): string {
  return { 40: "ELOOP", 22: "EINVAL" }[error.details.errno ?? 0] ?? error.message;
}

describe("layers that nobody would write", () => {
  it("of any sequence of entries touch nothing outside their directory", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 12 }), (members) => attempt(tarOf(...members))),
      { numRuns: 400 },
    );
  });

  it("damaged in any place fail with a clear error, if at all", async () => {
    const tar = tarOf(
      { path: "d", type: "5" },
      { path: "d/f", content: "x".repeat(700), pax: { mtime: "1.5", "SCHILY.xattr.user.a": "b" } },
      { path: "l", type: "1", link: "d/f" },
      { path: ".wh.gone" },
    );
    for (const layer of [tar, gzipSync(tar)]) {
      const change = fc.tuple(fc.nat(layer.length - 1), fc.nat(255));
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
          const damaged = Buffer.from(layer);
          for (const [at, byte] of changes) damaged[at] = byte;
          return attempt(damaged);
        }),
        { numRuns: 150 },
      );
    }
  });
});
