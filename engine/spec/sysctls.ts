import { BerthError } from "../../oci/errors.js";
import type { HostConfig } from "../container-config.js";

/** Those that belong to an IPC namespace; the rest of kernel.* and vm.* is the host's. */
const IPC_SYSCTLS: readonly string[] = [
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
];

/** @throws BerthError USAGE for one that is not the container's own, and would change the host */
export function checkSysctls(host: Pick<HostConfig, "Sysctls" | "NetworkMode" | "IpcMode">): void {
  for (const name of Object.keys(host.Sysctls)) {
    if (!/^[a-z0-9_]+(?:[./][A-Za-z0-9_-]+)+$/.test(name)) {
      throw new BerthError(
        "USAGE",
        `invalid --sysctl ${JSON.stringify(name)}: write a name such as net.ipv4.ip_forward`,
      );
    }
    const dotted = name.replaceAll("/", ".");
    const network = dotted.startsWith("net.");
    const ipc = IPC_SYSCTLS.includes(dotted) || dotted.startsWith("fs.mqueue.");
    if (!network && !ipc) {
      throw new BerthError("USAGE", `--sysctl ${name} is not a setting of a namespace: it would change the host`);
    }
    if ((network && host.NetworkMode === "host") || (ipc && host.IpcMode === "host")) {
      throw new BerthError("USAGE", `--sysctl ${name} cannot be set in a namespace that is the host's`);
    }
  }
}
