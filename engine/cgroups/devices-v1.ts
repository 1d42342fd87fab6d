import type { ControllerSettings, ResourceLimits } from "./resource-limits.js";

/** Kernel documentation, cgroup-v1/devices: everything off, then what is allowed. */
export function devicesV1({ devices }: ResourceLimits): ControllerSettings {
  if (devices === undefined) return { writes: [], warnings: [] };
  const flag = "--device";
  const writes = [
    { file: "devices.deny", value: "a", flag },
    ...devices.map((value) => ({ file: "devices.allow", value, flag })),
  ];
  return { writes, warnings: [] };
}
