import { readFileSync } from "node:fs";

import { errnoOf } from "../../oci/errors.js";

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** proc_pid_stat(5), field 22: clock ticks since boot. */
  readonly startTime: number;
}

export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime };
}

/** False also for a zombie: it has ended and only waits to be reaped. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  const stat = pid > 0 ? readStat(pid) : undefined;
  return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

export function parentOf(pid: number): number | undefined {
  return readStat(pid)?.parent;
}

function readStat(pid: number): { state: string; parent: number; startTime: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") return undefined;
    throw error;
  }
  // The second field is the command's name in parentheses and may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", parent: Number(fields[1]), startTime: Number(fields[19]) };
}
