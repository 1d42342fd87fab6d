import type { ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

const DEFAULT_PERIOD = 100_000;

/** Kernel documentation, cgroup-v2, "CPU Interface Files". */
export function cpuV2(limits: ResourceLimits): ControllerSettings {
  const writes: ControllerWrite[] = [];
  if (limits.cpuShares !== undefined) {
    writes.push({ file: "cpu.weight", value: String(cpuWeightOfShares(limits.cpuShares)), flag: "--cpu-shares" });
  }
  if (limits.cpuPeriod !== undefined || limits.cpuQuota !== undefined) {
    const quota = limits.cpuQuota !== undefined && limits.cpuQuota > 0 ? String(limits.cpuQuota) : "max";
    const period = String(limits.cpuPeriod ?? DEFAULT_PERIOD);
    writes.push({ file: "cpu.max", value: `${quota} ${period}`, flag: "--cpu-quota" });
  }
  return { writes, warnings: [] };
}

/**
 * v1 shares (2..262144, default 1024) to v2 weight (1..10000, default 100) along the curve that keeps both defaults and both
 * ends: ceil(10^((l^2 + 125 l) / 612 - 7/34)) with l = log2(shares).
 */
export function cpuWeightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}
