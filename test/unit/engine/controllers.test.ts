import assert from "node:assert/strict";

import { blkioV1 } from "../../../engine/cgroups/blkio-v1.js";
import { neededControllers, v1Settings, v2Settings } from "../../../engine/cgroups/controller-settings.js";
import { cpuWeightOfShares } from "../../../engine/cgroups/cpu-v2.js";
import { ioV2 } from "../../../engine/cgroups/io-v2.js";
import type { ControllerSettings, ResourceLimits } from "../../../engine/cgroups/resource-limits.js";

const written = ({ writes }: ControllerSettings): string[] => writes.map(({ file, value }) => `${file}=${value}`);
const v1 = (name: "cpu" | "memory" | "pids" | "devices" | "cpuset", limits: ResourceLimits) =>
  v1Settings(name, limits, "/nowhere");
const v2 = (name: string, limits: ResourceLimits) => v2Settings(name, limits, "/nowhere");

describe("limits as files of each controller", () => {
  it("cpu: period before quota on v1, one file on v2", () => {
    const limits = { cpuPeriod: 100_000, cpuQuota: 20_000, cpuShares: 512 };
    assert.deepEqual(written(v1("cpu", limits)), [
      "cpu.shares=512",
      "cpu.cfs_period_us=100000",
      "cpu.cfs_quota_us=20000",
    ]);
    assert.deepEqual(written(v2("cpu", limits)), [
      `cpu.weight=${String(cpuWeightOfShares(512))}`,
      "cpu.max=20000 100000",
    ]);
    assert.deepEqual(written(v2("cpu", { cpuQuota: -1 })), ["cpu.max=max 100000"]);
  });

  it("cpu shares become weights that keep both defaults, both ends and the order", () => {
    assert.deepEqual([2, 1024, 262_144].map(cpuWeightOfShares), [1, 100, 10_000]);
    let before = 0;
    for (let shares = 2; shares <= 262_144; shares *= 2) {
      const weight = cpuWeightOfShares(shares);
      assert.ok(weight > before, `${String(shares)} -> ${String(weight)}`);
      before = weight;
    }
  });

  it("memory: swap counts memory on v1 and is swap alone on v2", () => {
    const limits = { memory: 64 << 20, memorySwap: 96 << 20 };
    assert.deepEqual(written(v1("memory", limits)), [
      "memory.limit_in_bytes=67108864",
      "memory.memsw.limit_in_bytes=100663296",
    ]);
    assert.deepEqual(written(v2("memory", limits)), ["memory.max=67108864", "memory.swap.max=33554432"]);
    assert.deepEqual(written(v2("memory", { memory: 1, memorySwap: -1 })), ["memory.max=1", "memory.swap.max=max"]);
  });

  it("what v2 has no equal of is a warning", () => {
    const { writes, warnings } = v2("memory", { memorySwappiness: 10, oomKillDisable: true });
    assert.deepEqual(writes, []);
    assert.equal(warnings.length, 2);
  });

  it("pids: no limit is the word max", () => {
    assert.deepEqual(written(v1("pids", { pidsLimit: -1 })), ["pids.max=max"]);
    assert.deepEqual(written(v2("pids", { pidsLimit: 7 })), ["pids.max=7"]);
  });

  it("devices: everything off before what is allowed", () => {
    assert.deepEqual(written(v1("devices", { devices: ["c 1:3 rwm"] })), ["devices.deny=a", "devices.allow=c 1:3 rwm"]);
    assert.deepEqual(written(v1("devices", {})), []);
  });

  it("block I/O: the weight's file depends on the kernel, and its absence is a warning", () => {
    const limits: ResourceLimits = {
      blkioWeight: 1000,
      blkioThrottles: [{ kind: "readBps", major: 8, minor: 0, rate: 1024 }],
    };
    assert.deepEqual(written(blkioV1(limits, (file) => file === "blkio.bfq.weight")), [
      "blkio.bfq.weight=1000",
      "blkio.throttle.read_bps_device=8:0 1024",
    ]);
    assert.deepEqual(written(ioV2(limits, (file) => file === "io.weight")), [
      "io.weight=10000",
      "io.max=8:0 rbps=1024",
    ]);
    assert.equal(blkioV1(limits, () => false).warnings.length, 1);
    assert.equal(ioV2(limits, () => false).warnings.length, 1);
  });

  it("only controllers that a limit cannot do without are needed", () => {
    assert.deepEqual(neededControllers({ devices: ["c 1:3 rwm"] }), []);
    assert.deepEqual(neededControllers({ cpuQuota: 1, memory: 1, pidsLimit: 1 }), ["cpu", "memory", "pids"]);
  });
});
