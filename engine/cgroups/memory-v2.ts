import type { ControllerSettings, ControllerWrite, ResourceLimits } from "./resource-limits.js";

/** Kernel documentation, cgroup-v2, "Memory Interface Files". */
export function memoryV2(limits: ResourceLimits): ControllerSettings {
  const writes: ControllerWrite[] = [];
  const warnings: string[] = [];
  if (limits.memory !== undefined) {
    writes.push({ file: "memory.max", value: String(limits.memory), flag: "--memory" });
  }
  if (limits.memorySwap !== undefined) {
    // Docker's figure counts both; the kernel's v2 figure is swap alone.
    const swap = limits.memorySwap < 0 ? "max" : String(limits.memorySwap - (limits.memory ?? 0));
    writes.push({
      file: "memory.swap.max",
      value: swap,
      flag: "--memory-swap",
      implied: limits.memorySwapImplied === true,
    });
  }
  if (limits.memoryReservation !== undefined) {
    writes.push({ file: "memory.low", value: String(limits.memoryReservation), flag: "--memory-reservation" });
  }
  if (limits.memorySwappiness !== undefined) {
    warnings.push("cgroup v2 has no swappiness of its own for a container: --memory-swappiness is not in force");
  }
  if (limits.oomKillDisable) {
    warnings.push("cgroup v2 cannot switch the OOM killer off: --oom-kill-disable is not in force");
  }
  return { writes, warnings };
}
