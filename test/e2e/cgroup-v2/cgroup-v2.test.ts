import assert from "node:assert/strict";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { runOnCgroupV2 } from "../../helpers/cgroup-v2-vm/cgroup-v2-vm.js";

/** The suites that touch cgroups. They run on this host with whatever it has, and here once more with nothing but cgroup v2. */
const SUITES = [
  "integration/runtime-native/shim/**/*",
  "integration/engine/{cgroup-limits,crash-safety,exec,lifecycle,run}",
  "e2e/lessons/cgroups",
];
/** Against hanging alone: the guest's processor is emulated, and may have to share the real ones. */
const [SECONDS, BOOT_SECONDS, TEST_SECONDS] = [3600, 600, 900];

describeWith(
  [asRoot, program("/usr/bin/qemu-system-x86_64"), program("/sbin/depmod")],
  "a host with cgroup v2 alone",
  function () {
    this.timeout((SECONDS + 2 * BOOT_SECONDS) * 1000);

    it("has cgroup v2 alone, with the controllers that berth limits", () => {
      const { status, output } = runOnCgroupV2(
        "cat /sys/fs/cgroup/cgroup.controllers; grep -c ' - cgroup ' /proc/self/mountinfo",
        BOOT_SECONDS,
      );
      assert.match(output, /cpuset cpu io memory.*pids.*\n0\n$/);
      assert.equal(status, 1);
    });

    it("passes the runtime's tests", () => {
      const suites = SUITES.map((suite) => `'dist/test/${suite}.test.js'`).join(" ");
      const { status, output } = runOnCgroupV2(
        `node node_modules/mocha/bin/mocha.js --timeout ${String(TEST_SECONDS * 1000)} ${suites}`,
        SECONDS,
      );
      assert.equal(status, 0, output);
      const [, passed = "0"] = /(\d+) passed, 0 failed/.exec(output) ?? [];
      assert.ok(Number(passed) > 0, output);
      process.stdout.write(`      ${passed} tests passed in the guest\n`);
    });
  },
);
