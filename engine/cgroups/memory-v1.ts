import type { ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

/** Kernel documentation, cgroup-v1/memory. A new directory has no limits, so memory comes before memory and swap. */
export function memoryV1(limits: ResourceLimits): ControllerSettings {
  const writes: ControllerWrite[] = [];
  if (limits.memory !== undefined) {
    writes.push({ file: "memory.limit_in_bytes", value: String(limits.memory), flag: "--memory" });
  }
  if (limits.memorySwap !== undefined) {
    writes.push({
      file: "memory.memsw.limit_in_bytes",
      value: String(limits.memorySwap),
      flag: "--memory-swap",
      implied: limits.memorySwapImplied === true,
    });
  }
  if (limits.memoryReservation !== undefined) {
    const value = String(limits.memoryReservation);
    writes.push({ file: "memory.soft_limit_in_bytes", value, flag: "--memory-reservation" });
  }
  if (limits.memorySwappiness !== undefined) {
    writes.push({ file: "memory.swappiness", value: String(limits.memorySwappiness), flag: "--memory-swappiness" });
  }
  if (limits.oomKillDisable) {
    writes.push({ file: "memory.oom_control", value: "1", flag: "--oom-kill-disable" });
  }
  return { writes, warnings: [] };
}
