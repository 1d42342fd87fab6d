import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { ContainerCgroup } from "./container-cgroup.js";

const FREEZE_TIMEOUT_MS = 10_000;

/**
 * Stops (or goes on with) every process of the container; resolves when the kernel reports the new state. After a failure to
 * freeze, the container runs.
 * @throws BerthError CONTROLLER_MISSING, TIMEOUT
 */
export async function setFrozen(cgroup: ContainerCgroup, frozen: boolean): Promise<void> {
  const freezer = freezerOf(cgroup);
  try {
    await freezer.set(frozen);
  } catch (error) {
    if (frozen) await freezer.set(false);
    throw error;
  }
}

/** On cgroup v1 what is frozen ends only when it is let go on, however it was killed; the signal comes first then. */
export function letKilledEnd({ v1 }: ContainerCgroup): void {
  const part = v1.find(({ hierarchy }) => hierarchy.controllers.includes("freezer"));
  if (part === undefined) return;
  try {
    writeFileSync(`${part.directory}/freezer.state`, "THAWED", { flag: "r+" });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENODEV") throw error;
  }
}

interface Freezer {
  set(frozen: boolean): Promise<void>;
}

function freezerOf(cgroup: ContainerCgroup): Freezer {
  const v1 = cgroup.v1.find(({ hierarchy }) => hierarchy.controllers.includes("freezer"));
  if (v1) return { set: (frozen) => setV1(v1.directory, frozen) };
  const { v2 } = cgroup;
  if (v2 !== undefined && existsSync(`${v2}/cgroup.freeze`)) return { set: (frozen) => setV2(v2, frozen) };
  throw new BerthError("CONTROLLER_MISSING", "pause needs the freezer of cgroup v1 or v2, and this host has neither");
}

/** A v1 freeze may stay FREEZING while a task forks; writing FROZEN again makes it try anew (freezer-subsystem.txt). */
async function setV1(directory: string, frozen: boolean): Promise<void> {
  const wanted = frozen ? "FROZEN" : "THAWED";
  const state = `${directory}/freezer.state`;
  await until(() => {
    writeFileSync(state, wanted);
    return readFileSync(state, "utf8").trim() === wanted;
  });
}

async function setV2(directory: string, frozen: boolean): Promise<void> {
  writeFileSync(`${directory}/cgroup.freeze`, frozen ? "1" : "0");
  const line = `frozen ${frozen ? "1" : "0"}`;
  await until(() => readFileSync(`${directory}/cgroup.events`, "utf8").split("\n").includes(line));
}

async function until(reached: () => boolean): Promise<void> {
  const deadline = Date.now() + FREEZE_TIMEOUT_MS;
  while (!reached()) {
    if (Date.now() > deadline) throw new BerthError("TIMEOUT", "the container's processes could not all be frozen");
    await sleep(5);
  }
}
