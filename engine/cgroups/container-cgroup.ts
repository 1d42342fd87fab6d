import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

import type { CgroupPlan } from "../../runtime-native/launch-plan.js";
import { BerthError, errnoOf } from "../../oci/errors.js";
import { hasController, type CgroupLayout, type V1Hierarchy } from "./cgroup-layout.js";
import { neededControllers, v1Settings, v2Settings, V2_NAMES } from "./controller-settings.js";
import { DEFAULT_DEVICE_RULES } from "./devices-v1.js";
import type { ControllerSettings, ResourceLimits } from "./resource-limits.js";
import { delegateControllers } from "./v2-delegation.js";

/** The directories of one container: one in each v1 hierarchy, and one in v2. The facade over versions and controllers. */
export interface ContainerCgroup {
  readonly v1: readonly { readonly directory: string; readonly hierarchy: V1Hierarchy }[];
  readonly v2?: string;
}

/** @param parent from parseCgroupParent; @param id the container's full ID, which names the directory */
export function locateContainerCgroup(layout: CgroupLayout, parent: string, id: string): ContainerCgroup {
  const at = (mountPoint: string) => `${mountPoint === "/" ? "" : mountPoint}${parent}/${id}`;
  return {
    v1: layout.v1.map((hierarchy) => ({ directory: at(hierarchy.mountPoint), hierarchy })),
    ...(layout.v2 && { v2: at(layout.v2.mountPoint) }),
  };
}

/**
 * Makes the directories and sets the limits. After a failure nothing of it is left.
 * @throws BerthError CONTROLLER_MISSING when a limit cannot be kept here, USAGE when the kernel refuses its value
 */
export function createContainerCgroup(
  layout: CgroupLayout,
  parent: string,
  id: string,
  limits: ResourceLimits,
): { readonly plan: CgroupPlan; readonly warnings: readonly string[] } {
  const cgroup = locateContainerCgroup(layout, parent, id);
  try {
    const refused = layout.v2 ? delegateControllers(layout.v2.mountPoint, parent, layout.v2.controllers) : new Map();
    for (const controller of neededControllers(limits)) requireController(layout, controller, refused);
    const warnings: string[] = [];
    if (limits.devices?.some((rule) => !DEFAULT_DEVICE_RULES.includes(rule)) && !hasController(layout, "devices")) {
      warnings.push(
        "the devices that a container may open are not limited on cgroup v2 yet: device rules are not in force",
      );
    }
    for (const { directory, hierarchy } of cgroup.v1) {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      if (hierarchy.controllers.includes("cpuset")) inheritCpuset(hierarchy.mountPoint, `${parent}/${id}`);
      for (const name of hierarchy.controllers) apply(v1Settings(name, limits, directory), directory, warnings);
    }
    if (cgroup.v2 !== undefined) {
      mkdirSync(cgroup.v2, { mode: 0o755 });
      for (const name of layout.v2?.controllers ?? []) {
        if (!refused.has(name)) apply(v2Settings(name, limits, cgroup.v2), cgroup.v2, warnings);
      }
    }
    return { plan: planOf(layout, cgroup), warnings };
  } catch (error) {
    removeContainerCgroup(cgroup);
    throw error;
  }
}

/** Removes the directories; the processes in them must have ended. Idempotent. */
export function removeContainerCgroup(cgroup: ContainerCgroup): void {
  const directories = [...cgroup.v1.map(({ directory }) => directory), ...(cgroup.v2 === undefined ? [] : [cgroup.v2])];
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
}

function planOf(layout: CgroupLayout, cgroup: ContainerCgroup): CgroupPlan {
  const memoryV1 = cgroup.v1.find(({ hierarchy }) => hierarchy.controllers.includes("memory"));
  const v2HasMemory = cgroup.v2 !== undefined && layout.v2?.controllers.includes("memory") === true;
  const oomFile = memoryV1
    ? `${memoryV1.directory}/memory.oom_control`
    : v2HasMemory
      ? `${cgroup.v2 ?? ""}/memory.events`
      : undefined;
  return {
    procsFiles: cgroup.v1.map(({ directory }) => `${directory}/tasks`),
    directories: [...cgroup.v1.map(({ directory }) => directory), ...(cgroup.v2 === undefined ? [] : [cgroup.v2])],
    ...(cgroup.v2 !== undefined && { unifiedDirectory: cgroup.v2 }),
    ...(oomFile !== undefined && { oomFile }),
  };
}

function requireController(
  layout: CgroupLayout,
  controller: ReturnType<typeof neededControllers>[number],
  refused: ReadonlyMap<string, string>,
): void {
  if (layout.v1.some(({ controllers }) => controllers.includes(controller))) return;
  const v2Name = V2_NAMES[controller];
  const reason = v2Name === undefined ? undefined : refused.get(v2Name);
  if (v2Name !== undefined && layout.v2?.controllers.includes(v2Name) === true && reason === undefined) return;
  const why = reason === undefined ? "this kernel or host does not offer it" : reason;
  throw new BerthError("CONTROLLER_MISSING", `the cgroup controller ${controller} is not available: ${why}`, {
    details: { controller },
  });
}

function apply(settings: ControllerSettings, directory: string, warnings: string[]): void {
  warnings.push(...settings.warnings);
  for (const { file, value, flag, implied } of settings.writes) {
    try {
      writeFileSync(`${directory}/${file}`, value, { flag: "r+" });
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT" && implied) {
        if (hostHasSwap()) warnings.push(`this kernel cannot limit swap: memory is limited without swap`);
      } else if (errno === "ENOENT") {
        throw new BerthError("CONTROLLER_MISSING", `${flag} cannot be kept: this kernel has no ${file}`, {
          details: { file },
          cause: error,
        });
      } else {
        throw new BerthError("USAGE", `${flag}: the kernel refused ${JSON.stringify(value)} (${errno ?? "error"})`, {
          details: { path: `${directory}/${file}` },
          cause: error,
        });
      }
    }
  }
}

/** An empty v1 cpuset takes no task, so every directory on the way takes over its parent's (cgroup-v1/cpusets, 1.9). */
function inheritCpuset(mountPoint: string, path: string): void {
  let parent = mountPoint;
  for (const step of path.split("/").filter((part) => part !== "")) {
    const directory = `${parent}/${step}`;
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (readFileSync(`${directory}/${file}`, "utf8").trim() !== "") continue;
      writeFileSync(`${directory}/${file}`, readFileSync(`${parent}/${file}`, "utf8").trim());
    }
    parent = directory;
  }
}

function hostHasSwap(): boolean {
  return readFileSync("/proc/swaps", "utf8").trim().split("\n").length > 1;
}
