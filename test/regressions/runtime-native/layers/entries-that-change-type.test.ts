import assert from "node:assert/strict";
import { lstatSync, readFileSync, readdirSync } from "node:fs";

import { layerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf, type TarMember } from "../../../helpers/tar-bytes.js";

const KINDS: Readonly<Record<string, readonly TarMember[]>> = {
  file: [{ path: "x", content: "text", mode: 0o640 }],
  directory: [
    { path: "x", type: "5" },
    { path: "x/below", content: "1" },
  ],
  symlink: [{ path: "x", type: "2", link: "/etc/passwd" }],
  fifo: [{ path: "x", type: "6" }],
  device: [{ path: "x", type: "3", major: 1, minor: 3 }],
  "hard link": [{ path: "x", type: "1", link: "first" }],
  whiteout: [{ path: ".wh.x" }],
};

function kindOf(path: string): string {
  const status = lstatSync(path);
  if (status.isDirectory()) return "directory";
  if (status.isSymbolicLink()) return "symlink";
  if (status.isFIFO()) return "fifo";
  if (status.isCharacterDevice()) return status.rdev === 0 ? "whiteout" : "device";
  return status.nlink === 2 ? "hard link" : "file";
}

describe("a path that a layer has twice", () => {
  for (const [before, first] of Object.entries(KINDS)) {
    for (const [after, second] of Object.entries(KINDS)) {
      // A whiteout hides what lower layers have; what this layer has stays.
      const wanted = after === "whiteout" ? before : after;
      it(`as ${before} and then ${after} is a ${wanted}`, async () => {
        const sandbox = layerSandbox();
        try {
          await sandbox.unpack(tarOf({ path: "first", content: "shared" }, ...first, ...second));
          assert.equal(kindOf(sandbox.path("x")), wanted);
          assert.equal(readFileSync(sandbox.path("first"), "utf8"), "shared");
          assert.deepEqual(readdirSync(sandbox.target).sort(), ["first", "x"]);
          if (wanted === "file") assert.equal(readFileSync(sandbox.path("x"), "utf8"), "text");
          if (wanted === "directory") assert.deepEqual(readdirSync(sandbox.path("x")), ["below"]);
        } finally {
          sandbox.remove();
        }
      });
    }
  }
});
