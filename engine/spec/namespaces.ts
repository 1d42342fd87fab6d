import { BerthError } from "../../oci/errors.js";
import type { LaunchPlan, NamespaceChoice } from "../../runtime-native/launch-plan.js";
import type { HostConfig } from "../container-config.js";

const NEW: NamespaceChoice = { kind: "new" };
const HOST: NamespaceChoice = { kind: "host" };

/**
 * @param pidOf host pid of the first process of a running container, by name or ID
 * @throws BerthError USAGE, UNSUPPORTED, and what `pidOf` throws
 */
export function chooseNamespaces(host: HostConfig, pidOf: (container: string) => number): LaunchPlan["namespaces"] {
  const joined = (mode: string, file: string): NamespaceChoice | undefined => {
    const target = containerOfMode(mode);
    return target === undefined ? undefined : { kind: "join", path: `/proc/${String(pidOf(target))}/ns/${file}` };
  };
  return {
    mount: NEW,
    uts: host.UTSMode === "host" ? HOST : NEW,
    ipc: host.IpcMode === "host" ? HOST : (joined(host.IpcMode, "ipc") ?? NEW),
    pid: host.PidMode === "host" ? HOST : (joined(host.PidMode, "pid") ?? NEW),
    net: host.NetworkMode === "host" ? HOST : (joined(host.NetworkMode, "net") ?? NEW),
    cgroup: host.CgroupnsMode === "host" ? HOST : NEW,
    user: HOST,
    time: HOST,
  };
}

/** NAME of `container:NAME`. */
export function containerOfMode(mode: string): string | undefined {
  return mode.startsWith("container:") ? mode.slice("container:".length) : undefined;
}

/** What a joined namespace does not bring along, one sentence each. */
export function namespaceWarnings(host: Pick<HostConfig, "IpcMode">): string[] {
  // A mount of another mount namespace cannot be cloned into this one (open_tree(2), EINVAL).
  return containerOfMode(host.IpcMode) === undefined
    ? []
    : ["--ipc container: shares semaphores, queues and System V memory, but /dev/shm is the container's own"];
}

/** Checked when a container is created, so that a bad mode never gets into a record. @throws BerthError USAGE, UNSUPPORTED */
export function checkNamespaceModes(host: Pick<HostConfig, "NetworkMode" | "IpcMode" | "PidMode" | "UTSMode">): void {
  const network = host.NetworkMode;
  if (network === "bridge" || network === "default") {
    throw new BerthError("UNSUPPORTED", "--network bridge is not there yet: use none, host or container:NAME");
  }
  if (!["none", "host"].includes(network) && !containerOfMode(network)) {
    throw new BerthError("USAGE", `no such network: ${network}; use none, host or container:NAME`);
  }
  if (!["private", "shareable", "host"].includes(host.IpcMode) && !containerOfMode(host.IpcMode)) {
    throw new BerthError("USAGE", `invalid --ipc ${host.IpcMode}: use private, shareable, host or container:NAME`);
  }
  if (!["", "host"].includes(host.PidMode) && !containerOfMode(host.PidMode)) {
    throw new BerthError("USAGE", `invalid --pid ${host.PidMode}: use host or container:NAME`);
  }
  if (!["", "host"].includes(host.UTSMode)) {
    throw new BerthError("USAGE", `invalid --uts ${host.UTSMode as string}: use host, or leave it out`);
  }
}
