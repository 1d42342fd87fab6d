import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createContainerCgroup } from "../../../engine/cgroups/container-cgroup.js";
import { parseCgroupParent } from "../../../engine/cgroups/cgroup-path.js";
import { delegateControllers } from "../../../engine/cgroups/v2-delegation.js";

const ID = "c".repeat(64);

describe("cgroups on a fixture directory", () => {
  let mountPoint = "";
  beforeEach(() => {
    mountPoint = mkdtempSync(join(tmpdir(), "berth-cgroup-"));
    mkdirSync(join(mountPoint, "berth"));
    for (const directory of ["", "berth"]) writeFileSync(join(mountPoint, directory, "cgroup.subtree_control"), "\n");
  });
  afterEach(() => {
    rmSync(mountPoint, { recursive: true });
  });

  it("v2: controllers are switched on in every directory above the container", () => {
    assert.equal(delegateControllers(mountPoint, "/berth", ["cpu"]).size, 0);
    assert.equal(readFileSync(join(mountPoint, "cgroup.subtree_control"), "utf8"), "+cpu");
    assert.equal(readFileSync(join(mountPoint, "berth/cgroup.subtree_control"), "utf8"), "+cpu");
  });

  it("v2: what is on already is left alone", () => {
    writeFileSync(join(mountPoint, "cgroup.subtree_control"), "cpu memory\n");
    delegateControllers(mountPoint, "/berth", ["cpu", "memory"]);
    assert.equal(readFileSync(join(mountPoint, "cgroup.subtree_control"), "utf8"), "cpu memory\n");
  });

  it("a limit whose controller is nowhere is refused, and leaves no directory", () => {
    const layout = { v1: [], v2: { mountPoint, controllers: ["cpu"] } };
    assert.throws(() => createContainerCgroup(layout, "/berth", ID, { memory: 1 << 26 }), {
      code: "CONTROLLER_MISSING",
      message: /controller memory is not available/,
    });
    assert.throws(() => readFileSync(join(mountPoint, "berth", ID)), { code: "ENOENT" });
  });

  it("a file that the kernel does not have is refused by the flag's name, and leaves no directory", () => {
    const layout = { v1: [], v2: { mountPoint, controllers: ["pids"] } };
    assert.throws(() => createContainerCgroup(layout, "/berth", ID, { pidsLimit: 5 }), {
      code: "CONTROLLER_MISSING",
      message: /--pids-limit/,
    });
    assert.throws(() => readFileSync(join(mountPoint, "berth", ID)), { code: "ENOENT" });
  });

  it("a cgroup parent cannot leave the hierarchy", () => {
    for (const path of ["../x", "/a/../../b", "/", "", "/a/./b", "/a\nb"]) {
      assert.throws(() => parseCgroupParent(path), { code: "USAGE" }, path);
    }
    assert.equal(parseCgroupParent("a//b/"), "/a/b");
  });
});
