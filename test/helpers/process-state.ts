import { readFileSync } from "node:fs";

/** Not so for a zombie, whose parent, perhaps a new one, has not asked for its status yet. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  } catch {
    return false;
  }
}
