import { readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/**
 * Names a process so that another one can tell later whether it still runs: boot, PID namespace, PID and start time
 * (a PID alone is reused). Joined by dots, of characters that keys and file names may hold.
 */
let own: string | undefined;

export function ownProcessIdentity(): string {
  own ??= [...namespaceOf(), String(process.pid), startTimeOf(process.pid)].join(".");
  return own;
}

/** "unknown" when the process belongs to another host, boot of it, or PID namespace that may be seen by this one. */
export function processState(identity: string): "alive" | "dead" | "unknown" {
  const [boot, namespace, pid, startTime] = identity.split(".");
  const [ownBoot, ownNamespace] = namespaceOf();
  if (boot !== ownBoot || namespace !== ownNamespace) return "unknown";
  return startTimeOf(Number(pid)) === startTime ? "alive" : "dead";
}

let namespace: [boot: string, namespace: string] | undefined;

function namespaceOf(): [boot: string, namespace: string] {
  namespace ??= [
    readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
    readlinkSync("/proc/self/ns/pid").replace(/\D/g, ""),
  ];
  return namespace;
}

/** Field 22 of /proc/PID/stat; the command name before it may hold spaces and parentheses. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "gone";
  }
}
