import assert from "node:assert/strict";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { runOnCgroupV2 } from "../../helpers/cgroup-v2-vm/cgroup-v2-vm.js";

/** The suites that touch cgroups. They run on this host with whatever it has, and here once more with nothing but cgroup v2. */
const SUITES = [
  "integration/runtime-native/shim/**/*",
  "integration/engine/{cgroup-limits,crash-safety,exec,lifecycle,run}",
  "e2e/lessons/cgroups",
];
/** The guest's processor is emulated. */
const SECONDS = 1800;

describeWith(
  [asRoot, program("/usr/bin/qemu-system-x86_64"), program("/sbin/depmod")],
  "a host with cgroup v2 alone",
  function () {
    this.timeout((SECONDS + 120) * 1000);

    it("has cgroup v2 alone, with the controllers that berth limits", () => {
      const { status, output } = runOnCgroupV2(
        "cat /sys/fs/cgroup/cgroup.controllers; grep -c ' - cgroup ' /proc/self/mountinfo",
        120,
      );
      assert.match(output, /cpuset cpu io memory.*pids.*\n0\n$/);
      assert.equal(status, 1);
    });

    it("passes the runtime's tests", () => {
      const suites = SUITES.map((suite) => `'dist/test/${suite}.test.js'`).join(" ");
      const { status, output } = runOnCgroupV2(
        `node node_modules/mocha/bin/mocha.js --timeout 300000 ${suites}`,
        SECONDS,
      );
      assert.equal(status, 0, output);
      const [, passed = "0"] = /(\d+) passed, 0 failed/.exec(output) ?? [];
      assert.ok(Number(passed) > 0, output);
      process.stdout.write(`      ${passed} tests passed in the guest\n`);
    });
  },
);
