import assert from "node:assert/strict";

import { parseCgroupLayout } from "../../../engine/cgroups/cgroup-layout.js";

const TMPFS = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";
const CPU = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct";
const MEMORY = "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
const NET = "34 31 0:31 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio";
const SYSTEMD = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd";
const UNIFIED = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
const PURE = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";

const parse = (lines: readonly string[], controllers = ""): ReturnType<typeof parseCgroupLayout> =>
  parseCgroupLayout(`${lines.join("\n")}\n`, () => controllers);

describe("cgroup layout of a host", () => {
  it("v1: each hierarchy with its controllers, also those that are mounted together", () => {
    assert.deepEqual(parse([TMPFS, CPU, MEMORY, NET, SYSTEMD]), {
      v1: [
        { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"], mountData: "cpu,cpuacct" },
        { mountPoint: "/sys/fs/cgroup/memory", controllers: ["memory"], mountData: "memory" },
        { mountPoint: "/sys/fs/cgroup/net_cls,net_prio", controllers: ["net_cls"], mountData: "net_cls,net_prio" },
      ],
    });
  });

  it("v2: one hierarchy with the controllers that it offers", () => {
    assert.deepEqual(parse([PURE], "cpuset cpu io memory pids\n"), {
      v1: [],
      v2: { mountPoint: "/sys/fs/cgroup", controllers: ["cpuset", "cpu", "io", "memory", "pids"] },
    });
  });

  it("hybrid: v2 for tracking, without controllers", () => {
    const layout = parse([TMPFS, MEMORY, SYSTEMD, UNIFIED], "\n");
    assert.deepEqual(layout.v2, { mountPoint: "/sys/fs/cgroup/unified", controllers: [] });
    assert.equal(layout.v1.length, 1);
  });

  it("a split host has each controller where it is", () => {
    const layout = parse([TMPFS, MEMORY, UNIFIED], "cpu pids\n");
    assert.deepEqual(layout.v2?.controllers, ["cpu", "pids"]);
    assert.deepEqual(
      layout.v1.flatMap(({ controllers }) => controllers),
      ["memory"],
    );
  });

  it("a hierarchy that is mounted twice counts once, and escaped mount points are read", () => {
    const again = String.raw`50 31 0:30 / /mnt/a\040b rw - cgroup cgroup rw,memory`;
    assert.equal(parse([MEMORY, again]).v1.length, 1);
    assert.equal(parse([again]).v1[0]?.mountPoint, "/mnt/a b");
  });

  it("a host without cgroups has none", () => {
    assert.deepEqual(parse([]), { v1: [] });
  });
});
