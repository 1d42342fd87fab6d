import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parseCgroupLayout } from "../../../engine/cgroups/cgroup-layout.js";
import { endCgroup } from "../../../engine/cgroups/cgroup-processes.js";
import { setFrozen } from "../../../engine/cgroups/freezer.js";
import type { Controller } from "../../../engine/cgroups/resource-limits.js";
import type { ContainerCgroup } from "../../../engine/cgroups/container-cgroup.js";
import { asRoot, describeWith } from "../../helpers/capabilities.js";

describeWith([asRoot], "the cgroup of a container whose shim is gone", () => {
  /** One directory in one of this host's hierarchies. */
  function makeCgroup(name: string, controller?: Controller): { directory: string; cgroup: ContainerCgroup } {
    const layout = parseCgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), () => "");
    const hierarchy = layout.v1.find(({ controllers }) =>
      controller === undefined ? !controllers.includes("cpuset") : controllers.includes(controller),
    );
    const mountPoint = hierarchy?.mountPoint ?? layout.v2?.mountPoint ?? assert.fail("no cgroups here");
    const directory = join(mountPoint, `berth-test-${String(process.pid)}-${name}`);
    mkdirSync(directory);
    return { directory, cgroup: hierarchy ? { v1: [{ directory, hierarchy }] } : { v1: [], v2: directory } };
  }

  it("is removed with what runs in it", async () => {
    const { directory, cgroup } = makeCgroup("running");
    const child = spawn("sleep", ["1000"]);
    const ended = once(child, "exit");
    writeFileSync(join(directory, "cgroup.procs"), String(child.pid));
    await endCgroup(cgroup);
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    assert.equal(existsSync(directory), false);
  });

  it("is removed with what is frozen in it", async () => {
    const { directory, cgroup } = makeCgroup("frozen", "freezer");
    const child = spawn("sleep", ["1000"]);
    const ended = once(child, "exit");
    writeFileSync(join(directory, "cgroup.procs"), String(child.pid));
    await setFrozen(cgroup, true);
    await endCgroup(cgroup);
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    assert.equal(existsSync(directory), false);
  });

  it("is waited for while the kernel takes it for busy", async () => {
    const { directory, cgroup } = makeCgroup("busy");
    const below = join(directory, "below");
    mkdirSync(below);
    const ending = endCgroup(cgroup);
    rmdirSync(below);
    await ending;
    assert.equal(existsSync(directory), false);
  });
});
