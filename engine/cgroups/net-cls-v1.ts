import type { ControllerSettings, ResourceLimits } from "./resource-limits.js";

/** Kernel documentation, cgroup-v1/net_cls. v2 has no such controller. */
export function netClsV1({ netClassId }: ResourceLimits): ControllerSettings {
  if (netClassId === undefined) return { writes: [], warnings: [] };
  return { writes: [{ file: "net_cls.classid", value: String(netClassId), flag: "--net-class" }], warnings: [] };
}
