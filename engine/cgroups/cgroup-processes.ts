import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { removeContainerCgroup, type ContainerCgroup } from "./container-cgroup.js";
import { letKilledEnd } from "./freezer.js";

const KILL_TIMEOUT_MS = 10_000;

/** Host pids of the container's processes. */
export function processesOf(cgroup: ContainerCgroup): number[] {
  const pids = new Set<number>();
  for (const directory of [
    ...cgroup.v1.map((part) => part.directory),
    ...(cgroup.v2 === undefined ? [] : [cgroup.v2]),
  ]) {
    for (const line of readProcs(directory)) pids.add(Number(line));
  }
  return [...pids];
}

/** Kills what is left of a container whose shim is gone; resolves when nothing runs in it any more and its directories are gone. */
export async function endCgroup(cgroup: ContainerCgroup): Promise<void> {
  const killFile = cgroup.v2 === undefined ? undefined : `${cgroup.v2}/cgroup.kill`;
  const deadline = Date.now() + KILL_TIMEOUT_MS;
  for (;;) {
    if (killFile !== undefined && existsSync(killFile)) writeFileSync(killFile, "1");
    const pids = processesOf(cgroup);
    if (pids.length === 0 && isRemoved(cgroup, Date.now() > deadline)) return;
    for (const pid of pids) killQuietly(pid);
    letKilledEnd(cgroup);
    if (pids.length > 0 && Date.now() > deadline) {
      throw new BerthError("TIMEOUT", `processes of the container do not end: ${pids.join(" ")}`);
    }
    await sleep(5);
  }
}

/** A process that has just ended may be counted for a moment longer than it is listed: EBUSY. */
function isRemoved(cgroup: ContainerCgroup, isLate: boolean): boolean {
  try {
    removeContainerCgroup(cgroup);
    return true;
  } catch (error) {
    if (isLate || errnoOf(error) !== "EBUSY") throw error;
    return false;
  }
}

function readProcs(directory: string): string[] {
  try {
    return readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").filter(Boolean);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENODEV") return [];
    throw error;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}
