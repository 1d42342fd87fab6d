import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";

import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf } from "../../../helpers/tar-bytes.js";

describe("special files in a layer", () => {
  let sandbox: LayerSandbox;
  beforeEach(() => {
    sandbox = layerSandbox();
  });
  afterEach(() => {
    sandbox.remove();
  });

  it("are made and never opened: a FIFO, then a file of its name, does not hang", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "pipe", type: "6" },
        { path: "pipe", content: "now a file" },
        { path: "other", type: "6", mode: 0o600 },
      ),
    );
    assert.equal(readFileSync(sandbox.path("pipe"), "utf8"), "now a file");
    assert.ok(lstatSync(sandbox.path("other")).isFIFO());
    assert.equal(lstatSync(sandbox.path("other")).mode & 0o7777, 0o600);
  });

  it("are replaced, not written to, by a file of the same name", async () => {
    const device = { path: "null", type: "3", major: 1, minor: 3, mode: 0o666 };
    await sandbox.unpack(tarOf(device, { path: "null", content: "text" }));
    assert.equal(readFileSync(sandbox.path("null"), "utf8"), "text");
  });

  it("are devices with the numbers, mode and owner of the layer", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "full", type: "3", major: 1, minor: 7, mode: 0o620, uid: 3, gid: 4 },
        { path: "disk", type: "4", major: 8, minor: 300, mode: 0o660 },
      ),
    );
    const stat = (file: string): string =>
      execFileSync("stat", ["-c", "%F %t:%T %a %u:%g", sandbox.path(file)], { encoding: "utf8" }).trim();
    assert.equal(stat("full"), "character special file 1:7 620 3:4");
    assert.equal(stat("disk"), "block special file 8:12c 660 0:0");
  });

  it("cannot be the parent of other entries", async () => {
    for (const type of ["0", "3", "6"]) {
      const layer = tarOf({ path: "x", type, major: 1, minor: 3 }, { path: "x/below", content: "1" });
      await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID", /needs a directory/));
    }
  });

  it("of an unknown kind are refused by name, not left out", async () => {
    for (const type of ["V", "M", "D", "Z"]) {
      await assert.rejects(
        sandbox.unpack(tarOf({ path: "odd", type })),
        nativeFailure("LAYER_INVALID", /odd.*unknown/),
      );
    }
  });
});
