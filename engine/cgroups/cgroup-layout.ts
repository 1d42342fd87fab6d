import { readFileSync } from "node:fs";

import type { Controller } from "./resource-limits.js";

/** Where each controller is: on a v1 hierarchy, on v2, or nowhere. A host may split them in any way. */
export interface CgroupLayout {
  /** v1 hierarchies that hold controllers, by mount point; controllers mounted together share one (`cpu,cpuacct`). */
  readonly v1: readonly V1Hierarchy[];
  /** The v2 hierarchy, if mounted; `controllers` is empty on a hybrid host that uses it for tracking alone. */
  readonly v2?: { readonly mountPoint: string; readonly controllers: readonly string[] };
}

export interface V1Hierarchy {
  readonly mountPoint: string;
  readonly controllers: readonly Controller[];
  /** All controllers of the hierarchy as mount(2) wants them, also those that berth does not use: `net_cls,net_prio`. */
  readonly mountData: string;
}

const KNOWN: readonly Controller[] = [
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "pids",
  "blkio",
  "devices",
  "freezer",
  "net_cls",
];

/**
 * @param mountinfo text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 * @param v2Controllers reads cgroup.controllers of the v2 mount point
 */
export function parseCgroupLayout(mountinfo: string, v2Controllers: (mountPoint: string) => string): CgroupLayout {
  const v1: V1Hierarchy[] = [];
  let v2: CgroupLayout["v2"];
  for (const line of mountinfo.split("\n")) {
    if (!line.includes(" - cgroup")) continue;
    const [before, after] = line.split(" - ");
    const mountPoint = unescapeMountPath(before?.split(" ")[4] ?? "");
    const [type, , superOptions] = after?.split(" ") ?? [];
    if (type === "cgroup2") {
      v2 ??= { mountPoint, controllers: v2Controllers(mountPoint).trim().split(/\s+/).filter(Boolean) };
    } else if (type === "cgroup") {
      const options = new Set(superOptions?.split(","));
      const mountData = [...options].filter((option) => !isMountFlag(option)).join(",");
      const controllers = KNOWN.filter((name) => options.has(name));
      // The same hierarchy may be mounted in several places.
      const seen = v1.some((hierarchy) => hierarchy.controllers.some((name) => controllers.includes(name)));
      if (controllers.length > 0 && !seen) v1.push({ mountPoint, controllers, mountData });
    }
  }
  return { v1, ...(v2 && { v2 }) };
}

function isMountFlag(option: string): boolean {
  return option.includes("=") || ["rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode"].includes(option);
}

/** Whether a v1 hierarchy has it: for the controllers that v2 does not know by this name. */
export function hasController(layout: CgroupLayout, name: Controller): boolean {
  return layout.v1.some(({ controllers }) => controllers.includes(name));
}

/** The layout of this host. */
export function readCgroupLayout(): CgroupLayout {
  return parseCgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), (mountPoint) =>
    readFileSync(`${mountPoint}/cgroup.controllers`, "utf8"),
  );
}

/** Space, tab, newline and backslash are written as octal in mountinfo. */
function unescapeMountPath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
