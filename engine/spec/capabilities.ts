import { readFileSync } from "node:fs";

import { BerthError } from "../../oci/errors.js";
import type { CapabilityPlan } from "../../runtime-native/launch-plan.js";

/** By number (linux/capability.h). */
const NAMES: readonly string[] =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
  NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
  SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** Docker's default set. */
const DEFAULTS: readonly string[] = `CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
  NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

export interface CapabilityRequest {
  readonly privileged: boolean;
  /** Whether the devices that it may open can be limited here; where they cannot, MKNOD has to be asked for. */
  readonly devicesLimited: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/**
 * The capabilities of a container, in Docker's order of rules: privileged has all; `--cap-drop ALL` leaves what is added; a name both
 * added and dropped is dropped.
 * @param bounding the bounding set of this process: more cannot be given
 * @throws BerthError USAGE for an unknown name, PRIVILEGE for an added one that this process lacks
 */
export function chooseCapabilities(request: CapabilityRequest, bounding: bigint): string[] {
  const available = NAMES.filter((_, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n);
  if (request.privileged) return available;
  const add = request.add.map(capabilityName);
  const drop = new Set(request.drop.map(capabilityName));
  // With MKNOD and no filter a container could make a node for the host's disk and write to it.
  const defaults = request.devicesLimited ? DEFAULTS : DEFAULTS.filter((name) => name !== "CAP_MKNOD");
  const start = drop.has("ALL") ? [] : add.includes("ALL") ? NAMES : defaults;
  const wanted = new Set([...start, ...add].filter((name) => name !== "ALL" && !drop.has(name)));
  const lacking = add.filter((name) => wanted.has(name) && !available.includes(name));
  if (lacking.length > 0) {
    throw new BerthError("PRIVILEGE", `${lacking.join(", ")} cannot be given: berth itself does not have it`);
  }
  return available.filter((name) => wanted.has(name));
}

/** An ordinary user gets none, as with Docker: they stay in the bounding set for set-user-ID programs. */
export function capabilityPlan(capabilities: readonly string[], uid: number): CapabilityPlan {
  const bounding = capabilities.reduce((set, name) => set | (1n << BigInt(NAMES.indexOf(name))), 0n);
  const held = uid === 0 ? bounding : 0n;
  return { bounding, effective: held, permitted: held, ambient: 0n };
}

/** The sets of this process (proc_pid_status(5)). */
export function ownCapabilities(): { readonly effective: bigint; readonly bounding: bigint } {
  const status = readFileSync("/proc/self/status", "utf8");
  const set = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
  return { effective: set("CapEff"), bounding: set("CapBnd") };
}

export function hasCapability(set: bigint, name: string): boolean {
  return ((set >> BigInt(NAMES.indexOf(name))) & 1n) === 1n;
}

function capabilityName(text: string): string {
  const upper = text.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!NAMES.includes(name)) {
    throw new BerthError("USAGE", `unknown capability ${JSON.stringify(text)}: see capabilities(7) for the names`);
  }
  return name;
}
