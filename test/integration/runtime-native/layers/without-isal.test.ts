import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { layerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf } from "../../../helpers/tar-bytes.js";

const MODULE = new URL("../../../../runtime-native/index.js", import.meta.url).href;

/** Unpacks in a process that cannot load ISA-L: what is mounted over the library is only in its mount namespace. */
function unpackWithoutIsal(file: string, target: string): { diffId: string } | { code: string; message: string } {
  const code = `import(${JSON.stringify(MODULE)})
    .then((native) => native.unpackLayerFile(...JSON.parse(process.argv[1])))
    .then(({ diffId }) => ({ diffId }), ({ code, message }) => ({ code, message }))
    .then((outcome) => console.log(JSON.stringify(outcome)));`;
  const script = 'for f in /usr/lib/*/libisal.so.2*; do mount --bind /dev/null "$f"; done; exec "$@"';
  const command = [process.execPath, "-e", code, JSON.stringify([file, { target, compression: "auto" }])];
  const output = execFileSync("unshare", ["-m", "sh", "-ec", script, "sh", ...command], { encoding: "utf8" });
  return JSON.parse(output) as ReturnType<typeof unpackWithoutIsal>;
}

describe("gzip layers where ISA-L is not installed", () => {
  it("are inflated by node's zlib: members, padding, damage", () => {
    const sandbox = layerSandbox();
    try {
      const tar = tarOf(
        { path: "random", content: randomBytes(3_000_000) },
        { path: "zeros", content: Buffer.alloc(3_000_000) },
      );
      const members = Buffer.concat([tar.subarray(0, 999_999), tar.subarray(999_999)].map((part) => gzipSync(part)));
      const file = join(sandbox.directory, "layer");
      const unpack = (bytes: Uint8Array): ReturnType<typeof unpackWithoutIsal> => {
        writeFileSync(file, bytes);
        return unpackWithoutIsal(file, sandbox.target);
      };
      const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
      assert.deepEqual(unpack(Buffer.concat([members, Buffer.alloc(100)])), { diffId });
      const refused = (message: string) => ({ code: "LAYER_INVALID", message });
      assert.deepEqual(unpack(Buffer.concat([members, Buffer.from("x")])), refused("garbage after the gzip stream"));
      assert.deepEqual(unpack(members.subarray(0, -20)), refused("the gzip stream is cut off"));
      const damaged = Buffer.from(members);
      damaged[damaged.length - 7]! ^= 1;
      assert.deepEqual(unpack(damaged), refused("not valid gzip: incorrect data check"));
    } finally {
      sandbox.remove();
    }
  });
});
