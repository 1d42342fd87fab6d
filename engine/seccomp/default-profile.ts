import type { SeccompPlan, SeccompRule } from "../../runtime-native/addon-contract.js";
import { ALLOWED_SYSCALLS, SYSCALLS_BY_CAPABILITY } from "./allowed-syscalls.js";

const EPERM = 1;
const ENOSYS = 38;

/** Address families up to AF_MCTP; AF_ALG (38) and AF_VSOCK (40) reach the kernel's crypto and the hypervisor. */
const ADDRESS_FAMILIES = 46;
const BLOCKED_FAMILIES = new Set([38, 40]);

/** CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: a container without CAP_SYS_ADMIN makes no namespaces. */
const NAMESPACE_FLAGS = 0x7e02_0000n;

/** personality(2): PER_LINUX, PER_LINUX32, each with UNAME26, and the query. */
const PERSONALITIES = [0x0n, 0x8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn];

/**
 * The rules of Docker's default profile for this architecture and a container with `capabilities` (`CAP_...`): everything that is not
 * listed fails with EPERM.
 * @param architecture Node's process.arch
 */
export function defaultSeccompPlan(capabilities: readonly string[], architecture: string): SeccompPlan {
  const held = capabilities.filter((name) => name in SYSCALLS_BY_CAPABILITY);
  const admin = capabilities.includes("CAP_SYS_ADMIN");
  const names = [
    ...ALLOWED_SYSCALLS,
    // Since Linux 4.8 a tracee cannot leave its filter by ptrace, so the profile allows it.
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    ...held.flatMap((name) => SYSCALLS_BY_CAPABILITY[name] ?? []),
    ...(architecture === "x64" ? ["arch_prctl", "modify_ldt"] : []),
    ...(architecture === "arm64"
      ? ["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls"]
      : []),
    ...(architecture === "arm64" ? ["sync_file_range2"] : []),
  ];
  const rules: SeccompRule[] = [
    { names: [...new Set(names)].sort(), action: "allow", args: [] },
    ...PERSONALITIES.map((value) => ({
      names: ["personality"],
      action: "allow" as const,
      args: [{ index: 0, op: "eq" as const, value }],
    })),
    ...socketRules(),
    ...(admin ? [] : namespaceRules()),
  ];
  return {
    defaultErrno: EPERM,
    architectures: architecture === "x64" ? ["x86_64", "x86", "x32"] : ["aarch64", "arm"],
    rules,
  };
}

function namespaceRules(): SeccompRule[] {
  return [
    {
      names: ["clone"],
      action: "allow",
      args: [{ index: 0, op: "masked_eq", value: NAMESPACE_FLAGS, valueTwo: 0n }],
    },
    // Its flags are behind a pointer that a filter cannot read; C libraries fall back to clone after ENOSYS.
    { names: ["clone3"], action: "errno", errno: ENOSYS, args: [] },
  ];
}

/** The kernel reads an int, the filter 64 bits: comparing all of them would let 38 + 2^32 through. */
function socketRules(): SeccompRule[] {
  const allowed = Array.from({ length: ADDRESS_FAMILIES }, (_, family) => family).filter(
    (family) => !BLOCKED_FAMILIES.has(family),
  );
  return allowed.map((family) => ({
    names: ["socket"],
    action: "allow",
    args: [{ index: 0, op: "masked_eq", value: 0xffff_ffffn, valueTwo: BigInt(family) }],
  }));
}
