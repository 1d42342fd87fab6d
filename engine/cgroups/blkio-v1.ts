import type { BlockThrottle, ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

const THROTTLE_FILES: Readonly<Record<BlockThrottle["kind"], readonly [file: string, flag: string]>> = {
  readBps: ["blkio.throttle.read_bps_device", "--device-read-bps"],
  writeBps: ["blkio.throttle.write_bps_device", "--device-write-bps"],
  readIops: ["blkio.throttle.read_iops_device", "--device-read-iops"],
  writeIops: ["blkio.throttle.write_iops_device", "--device-write-iops"],
};

/**
 * Kernel documentation, cgroup-v1/blkio-controller.
 * @param has whether the container's directory has a file: the weight's name depends on the I/O scheduler that is built in
 */
export function blkioV1(limits: ResourceLimits, has: (file: string) => boolean): ControllerSettings {
  const writes: ControllerWrite[] = [];
  const warnings: string[] = [];
  if (limits.blkioWeight !== undefined) {
    const file = ["blkio.weight", "blkio.bfq.weight"].find((name) => has(name));
    if (file === undefined) warnings.push("this kernel has no proportional block I/O: --blkio-weight is not in force");
    else writes.push({ file, value: String(limits.blkioWeight), flag: "--blkio-weight" });
  }
  for (const { kind, major, minor, rate } of limits.blkioThrottles ?? []) {
    const [file, flag] = THROTTLE_FILES[kind];
    writes.push({ file, value: `${String(major)}:${String(minor)} ${String(rate)}`, flag });
  }
  return { writes, warnings };
}
