import type { BlockThrottle, ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

const THROTTLES: Readonly<Record<BlockThrottle["kind"], readonly [key: string, flag: string]>> = {
  readBps: ["rbps", "--device-read-bps"],
  writeBps: ["wbps", "--device-write-bps"],
  readIops: ["riops", "--device-read-iops"],
  writeIops: ["wiops", "--device-write-iops"],
};

/** Kernel documentation, cgroup-v2, "IO Interface Files". `has`: see blkioV1. */
export function ioV2(limits: ResourceLimits, has: (file: string) => boolean): ControllerSettings {
  const writes: ControllerWrite[] = [];
  const warnings: string[] = [];
  if (limits.blkioWeight !== undefined) {
    const flag = "--blkio-weight";
    if (has("io.bfq.weight")) writes.push({ file: "io.bfq.weight", value: String(limits.blkioWeight), flag });
    else if (has("io.weight")) {
      const weight = 1 + Math.trunc(((limits.blkioWeight - 10) * 9999) / 990);
      writes.push({ file: "io.weight", value: String(weight), flag });
    } else warnings.push("this kernel has no proportional block I/O: --blkio-weight is not in force");
  }
  for (const { kind, major, minor, rate } of limits.blkioThrottles ?? []) {
    const [key, flag] = THROTTLES[kind];
    writes.push({ file: "io.max", value: `${String(major)}:${String(minor)} ${key}=${String(rate)}`, flag });
  }
  return { writes, warnings };
}
