import type { ControllerSettings, ResourceLimits } from "./resource-limits.js";

/** The same file in both versions. */
export function pids({ pidsLimit }: ResourceLimits): ControllerSettings {
  if (pidsLimit === undefined) return { writes: [], warnings: [] };
  const value = pidsLimit < 0 ? "max" : String(pidsLimit);
  return { writes: [{ file: "pids.max", value, flag: "--pids-limit" }], warnings: [] };
}
