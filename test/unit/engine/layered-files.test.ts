import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

import { readLayeredFile } from "../../../engine/spec/layered-files.js";
import { asRoot, describeWith } from "../../helpers/capabilities.js";
import { openBelow } from "../../helpers/open-descriptors.js";

describe("a file of a container, read from its layers", () => {
  let directory = "";
  let layers: string[] = [];
  const put = (layer: number, path: string, text: string): void => {
    mkdirSync(join(layers[layer] ?? "", path, ".."), { recursive: true });
    writeFileSync(join(layers[layer] ?? "", path), text);
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-layers-"));
    layers = ["upper", "middle", "base"].map((name) => join(directory, name));
    for (const layer of layers) mkdirSync(layer);
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("comes from the topmost layer that has it", () => {
    put(2, "etc/passwd", "base");
    put(1, "etc/group", "middle");
    assert.equal(readLayeredFile(layers, "/etc/passwd"), "base");
    put(1, "etc/passwd", "middle");
    assert.equal(readLayeredFile(layers, "/etc/passwd"), "middle");
    put(0, "etc/passwd", "upper");
    assert.equal(readLayeredFile(layers, "/etc/passwd"), "upper");
  });

  it("is undefined where it is missing, or below a file", () => {
    put(2, "etc", "a file");
    assert.equal(readLayeredFile(layers, "/etc/passwd"), undefined);
    assert.equal(readLayeredFile(layers, "/nowhere/passwd"), undefined);
  });

  it("links stay inside the container's root, absolute or with ..", () => {
    put(2, "run/passwd", "inside");
    mkdirSync(join(layers[1] ?? "", "etc"));
    symlinkSync("/run/passwd", join(layers[1] ?? "", "etc/passwd"));
    assert.equal(readLayeredFile(layers, "/etc/passwd"), "inside");
    symlinkSync("../../../../run/passwd", join(layers[1] ?? "", "etc/up"));
    assert.equal(readLayeredFile(layers, "/etc/up"), "inside");
    const secret = join(directory, "secret");
    writeFileSync(secret, "of the host");
    symlinkSync(secret, join(layers[1] ?? "", "etc/out"));
    symlinkSync("../../secret", join(layers[1] ?? "", "etc/beside"));
    assert.equal(readLayeredFile(layers, "/etc/out"), undefined);
    assert.equal(readLayeredFile(layers, "/etc/beside"), undefined);
  });

  it("a directory that is a link to the host is not followed there", () => {
    symlinkSync("/etc", join(layers[0] ?? "", "etc"));
    assert.throws(() => readLayeredFile(layers, "/etc/passwd"), { code: "CONFIG_INVALID", message: /too many links/ });
  });

  it("a loop of links, a FIFO and a directory are refused or not there, and never waited for", () => {
    symlinkSync("b", join(layers[0] ?? "", "a"));
    symlinkSync("a", join(layers[0] ?? "", "b"));
    assert.throws(() => readLayeredFile(layers, "/a"), { code: "CONFIG_INVALID" });
    spawnSync("mkfifo", [join(layers[0] ?? "", "pipe")]);
    assert.throws(() => readLayeredFile(layers, "/pipe"), { code: "CONFIG_INVALID" });
    mkdirSync(join(layers[0] ?? "", "directory"));
    assert.equal(readLayeredFile(layers, "/directory"), undefined);
  });

  it("leaves no descriptor open", () => {
    put(2, "etc/passwd", "base");
    readLayeredFile(layers, "/etc/passwd");
    readLayeredFile(layers, "/etc/none");
    assert.deepEqual(openBelow(directory), []);
  });

  describeWith([asRoot], "with whiteouts", () => {
    it("a whiteout hides the file and a directory below it", () => {
      put(2, "etc/passwd", "base");
      mkdirSync(join(layers[1] ?? "", "etc"));
      spawnSync("mknod", [join(layers[1] ?? "", "etc/passwd"), "c", "0", "0"]);
      assert.equal(readLayeredFile(layers, "/etc/passwd"), undefined);
      spawnSync("mknod", [join(layers[0] ?? "", "etc"), "c", "0", "0"]);
      assert.equal(readLayeredFile(layers, "/etc/passwd"), undefined);
    });
  });
});
