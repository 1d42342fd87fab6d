import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { errnoOf } from "../../oci/errors.js";

/**
 * Makes `parent` (such as /berth) below the v2 mount point and switches `controllers` on for the children of every directory
 * on the way. A directory that holds processes cannot do so (cgroup-v2, "No Internal Process Constraint"; the real root is
 * exempt).
 * @returns the controllers that could not be switched on, with the reason
 */
export function delegateControllers(
  mountPoint: string,
  parent: string,
  controllers: readonly string[],
): ReadonlyMap<string, string> {
  const refused = new Map<string, string>();
  let directory = mountPoint;
  const steps = parent.split("/").filter((part) => part !== "");
  for (let depth = 0; depth <= steps.length; depth++) {
    if (depth > 0) {
      directory += `/${steps[depth - 1] ?? ""}`;
      mkdirIfMissing(directory);
    }
    const file = `${directory}/cgroup.subtree_control`;
    const enabled = new Set(readFileSync(file, "utf8").trim().split(/\s+/));
    for (const name of controllers) {
      if (enabled.has(name) || refused.has(name)) continue;
      try {
        writeFileSync(file, `+${name}`);
      } catch (error) {
        refused.set(name, reasonOf(error, directory));
      }
    }
  }
  return refused;
}

function reasonOf(error: unknown, directory: string): string {
  const errno = errnoOf(error);
  if (errno === "EBUSY") return `${directory} holds processes of its own`;
  if (errno === "ENOENT") return `${directory} was not given this controller`;
  return error instanceof Error ? error.message : String(error);
}

function mkdirIfMissing(directory: string): void {
  try {
    mkdirSync(directory, 0o755);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}
