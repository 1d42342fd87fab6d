import type { ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

/** The same files in both versions; on v1 the facade has filled them from the parent first, for an empty cpuset takes no task. */
export function cpuset(limits: ResourceLimits): ControllerSettings {
  const writes: ControllerWrite[] = [];
  if (limits.cpusetCpus !== undefined) {
    writes.push({ file: "cpuset.cpus", value: limits.cpusetCpus, flag: "--cpuset-cpus" });
  }
  if (limits.cpusetMems !== undefined) {
    writes.push({ file: "cpuset.mems", value: limits.cpusetMems, flag: "--cpuset-mems" });
  }
  return { writes, warnings: [] };
}
