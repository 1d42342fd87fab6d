import type { ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

/** Kernel documentation, scheduler/sched-bwc and sched-design-CFS (cpu.shares). */
export function cpuV1(limits: ResourceLimits): ControllerSettings {
  const writes: ControllerWrite[] = [];
  if (limits.cpuShares !== undefined) {
    writes.push({ file: "cpu.shares", value: String(limits.cpuShares), flag: "--cpu-shares" });
  }
  // The period first: the kernel checks the quota against the period that is in force.
  if (limits.cpuPeriod !== undefined) {
    writes.push({ file: "cpu.cfs_period_us", value: String(limits.cpuPeriod), flag: "--cpu-period" });
  }
  if (limits.cpuQuota !== undefined) {
    writes.push({ file: "cpu.cfs_quota_us", value: String(limits.cpuQuota), flag: "--cpu-quota" });
  }
  return { writes, warnings: [] };
}
