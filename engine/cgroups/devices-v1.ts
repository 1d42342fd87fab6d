import type { ControllerSettings, ResourceLimits } from "./resource-limits.js";

/** Docker's: any node may be made, the harmless ones may be opened. 5:1 is the console, 5:2 ptmx, 136 pts. */
export const DEFAULT_DEVICE_RULES: readonly string[] = [
  "c *:* m",
  "b *:* m",
  "c 1:3 rwm",
  "c 1:5 rwm",
  "c 1:7 rwm",
  "c 1:8 rwm",
  "c 1:9 rwm",
  "c 5:0 rwm",
  "c 5:1 rwm",
  "c 5:2 rwm",
  "c 136:* rwm",
];

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
