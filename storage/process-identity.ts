import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

import { errnoOf } from "../oci/errors.js";

/**
 * Names a process so that another one can tell later whether it still runs: boot, namespaces, PID and start time (a PID alone
 * is reused, and is another one's in another namespace). Joined by dots, of characters that keys and file names may hold.
 */
let own: string | undefined;

export function ownProcessIdentity(): string {
  // Not by the PID: /proc may be that of another namespace (unshare --pid without a mount of its own).
  own ??= [...surroundings(), String(process.pid), statusOf("self")?.startTime ?? "unknown"].join(".");
  return own;
}

/**
 * "dead" is never said of a process that runs. "unknown" when it belongs to another host, boot of it, or namespace, which may be
 * seen by this one, and when /proc does not show it though there is one of its PID: hidden from us as another user's, or
 * because /proc is that of another namespace.
 */
export function processState(identity: string): "alive" | "dead" | "unknown" {
  if (identity === ownProcessIdentity()) return "alive";
  const [boot, namespaces, pid, startTime = ""] = identity.split(".");
  const [ownBoot, ownNamespaces] = surroundings();
  if (boot !== ownBoot || namespaces !== ownNamespaces || !/^[1-9]\d{0,9}$/.test(pid ?? "")) return "unknown";
  const status = isOwnProc() ? statusOf(pid ?? "") : undefined;
  if (status === undefined || startTime === "unknown") return isPidInUse(Number(pid)) ? "unknown" : "dead";
  return status.startTime === startTime && !status.isZombie ? "alive" : "dead";
}

let surrounding: [boot: string, namespaces: string] | undefined;

/** The time namespace counts too: in another one the same start is told as another time. */
function surroundings(): [boot: string, namespaces: string] {
  surrounding ??= [bootId(), [namespaceOf("pid"), namespaceOf("time")].filter(Boolean).join("-")];
  return surrounding;
}

/** Where it cannot be known, nobody else's is the same. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim() || randomUUID();
  } catch {
    return randomUUID();
  }
}

/** The kernel's number for it, which is used again once no process is left in it. Empty where the kernel has none. */
function namespaceOf(kind: "pid" | "time"): string {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`).replace(/\D/g, "");
  } catch {
    return "";
  }
}

function isOwnProc(): boolean {
  try {
    return readlinkSync("/proc/self") === String(process.pid);
  } catch {
    return false;
  }
}

interface ProcessStatus {
  /** In ticks since the boot. */
  readonly startTime: string;
  /** It has ended, and nobody has asked how. */
  readonly isZombie: boolean;
}

/** Fields 3 and 22 of /proc/PID/stat; the command name before them may hold spaces and parentheses. */
function statusOf(pid: string): ProcessStatus | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { startTime: fields[18] ?? "", isZombie: state === "Z" || state === "X" };
  } catch {
    return undefined;
  }
}

function isPidInUse(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}
