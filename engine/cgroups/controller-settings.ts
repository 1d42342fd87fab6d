import { existsSync } from "node:fs";

import { blkioV1 } from "./blkio-v1.js";
import { cpuV1 } from "./cpu-v1.js";
import { cpuV2 } from "./cpu-v2.js";
import { cpuset } from "./cpuset.js";
import { devicesV1 } from "./devices-v1.js";
import { ioV2 } from "./io-v2.js";
import { memoryV1 } from "./memory-v1.js";
import { memoryV2 } from "./memory-v2.js";
import { netClsV1 } from "./net-cls-v1.js";
import { pids } from "./pids.js";
import type { Controller, ControllerSettings, ResourceLimits } from "./resource-limits.js";

type SettingsOf = (limits: ResourceLimits, has: (file: string) => boolean) => ControllerSettings;

/** To add a controller: its file, and a row here (CONTRIBUTING.md). */
const V1: Readonly<Partial<Record<Controller, SettingsOf>>> = {
  cpu: cpuV1,
  cpuset,
  memory: memoryV1,
  pids,
  blkio: blkioV1,
  devices: devicesV1,
  net_cls: netClsV1,
};

/** By the v2 controller's own name. */
const V2: Readonly<Record<string, SettingsOf>> = { cpu: cpuV2, cpuset, memory: memoryV2, pids, io: ioV2 };

/** v1 controllers by the v2 controller that has taken over their work; the others have none. */
export const V2_NAMES: Readonly<Partial<Record<Controller, string>>> = {
  cpu: "cpu",
  cpuset: "cpuset",
  memory: "memory",
  pids: "pids",
  blkio: "io",
};

export function v1Settings(controller: Controller, limits: ResourceLimits, directory: string): ControllerSettings {
  return V1[controller]?.(limits, (file) => existsSync(`${directory}/${file}`)) ?? { writes: [], warnings: [] };
}

export function v2Settings(controller: string, limits: ResourceLimits, directory: string): ControllerSettings {
  return V2[controller]?.(limits, (file) => existsSync(`${directory}/${file}`)) ?? { writes: [], warnings: [] };
}

/** The controllers that `limits` cannot do without. */
export function neededControllers(limits: ResourceLimits): Controller[] {
  const needs: [Controller, ...unknown[]][] = [
    ["cpu", limits.cpuShares, limits.cpuPeriod, limits.cpuQuota],
    ["cpuset", limits.cpusetCpus, limits.cpusetMems],
    ["memory", limits.memory, limits.memoryReservation, limits.memorySwappiness, limits.oomKillDisable],
    ["pids", limits.pidsLimit],
    ["blkio", limits.blkioWeight, limits.blkioThrottles?.[0]],
    ["net_cls", limits.netClassId],
  ];
  return needs.filter(([, ...values]) => values.some((value) => value !== undefined)).map(([name]) => name);
}
