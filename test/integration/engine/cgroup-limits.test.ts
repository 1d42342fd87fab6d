import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { cgroupsOf } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";

type FileValue = readonly [file: string, value: string];
type Expectation = readonly [flags: readonly string[], v1: FileValue, v2: FileValue];

/** What the kernel has in force, by v1 or v2 file; v1 wins where a host has both. */
const EXPECTED: readonly Expectation[] = [
  [
    ["--cpus", "0.5"],
    ["cpu.cfs_quota_us", "50000"],
    ["cpu.max", "50000 100000"],
  ],
  [
    ["--cpu-period", "50000", "--cpu-quota", "10000"],
    ["cpu.cfs_period_us", "50000"],
    ["cpu.max", "10000 50000"],
  ],
  [
    ["--cpu-shares", "512"],
    ["cpu.shares", "512"],
    ["cpu.weight", "59"],
  ],
  [
    ["--cpuset-cpus", "0"],
    ["cpuset.cpus", "0"],
    ["cpuset.cpus", "0"],
  ],
  [
    ["-m", "64m"],
    ["memory.limit_in_bytes", "67108864"],
    ["memory.max", "67108864"],
  ],
  [
    ["-m", "64m", "--memory-reservation", "32m"],
    ["memory.soft_limit_in_bytes", "33554432"],
    ["memory.low", "33554432"],
  ],
  [
    ["--pids-limit", "17"],
    ["pids.max", "17"],
    ["pids.max", "17"],
  ],
];

describeWith([asRoot, program("/bin/busybox")], "limits in the kernel", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  after(async () => {
    const left = host.leftovers();
    assert.deepEqual(await host.dispose(), []);
    assert.deepEqual(left, []);
  });

  for (const [flags, [v1File, v1Value], [v2File, v2Value]] of EXPECTED) {
    it(`${flags.join(" ")} is in force while it runs, and its cgroups are gone afterwards`, () => {
      const id = host.detached(...flags, "busybox", "sleep", "100");
      const directories = cgroupsOf(id);
      const read = (file: string): string | undefined => {
        const directory = directories.find((path) => existsSync(join(path, file)));
        return directory && readFileSync(join(directory, file), "utf8").trim();
      };
      const [value, expected] = read(v1File) === undefined ? [read(v2File), v2Value] : [read(v1File), v1Value];
      host.run("rm", "-f", id);
      assert.equal(value, expected);
      assert.deepEqual(cgroupsOf(id), []);
    });
  }

  it("every process of the container is in every hierarchy", () => {
    const id = host.detached("busybox", "sh", "-c", "sleep 100 & sleep 100 & echo up; wait");
    host.run("exec", id, "sh", "-c", "until [ $(pidof sleep | wc -w) = 2 ]; do :; done");
    host.run("exec", "-d", id, "sleep", "100");
    const memberships = cgroupsOf(id).map((path) => readFileSync(join(path, "cgroup.procs"), "utf8"));
    host.run("rm", "-f", id);
    assert.ok(memberships.length > 0);
    for (const members of memberships) assert.equal(members.split("\n").filter(Boolean).length, 4, members);
  });

  it("a value that the kernel refuses leaves nothing behind", () => {
    const ran = host.try(["run", "--rm", "--cpuset-cpus", "9999", "busybox", "true"]);
    assert.equal(ran.status, 125);
    assert.match(ran.stderr, /^berth: --cpuset-cpus: the kernel refused "9999"[^\n]*\n$/);
  });

  it("contradictions are refused before anything is made", () => {
    for (const flags of [
      ["--cpus", "0.5", "--cpu-quota", "1000"],
      ["-m", "1m"],
      ["--memory-swap", "64m"],
      ["-m", "64m", "--memory-swap", "32m"],
      ["--cpus", "-1"],
      ["--cpu-period", "1"],
      ["--pids-limit", "-2"],
      ["--cgroup-parent", "../up"],
      ["--cpuset-cpus", "a"],
    ]) {
      const { status, stderr } = host.try(["run", "--rm", ...flags, "busybox", "true"]);
      assert.equal(status, 125, flags.join(" "));
      assert.match(stderr, /^berth: [^\n]+\n$/);
    }
  });
});
