import { existsSync } from "node:fs";
import { basename } from "node:path";

import type { MountPlan } from "../../runtime-native/launch-plan.js";
import type { CgroupLayout } from "../cgroups/cgroup-layout.js";
import type { HostConfig } from "../container-config.js";

const SAFE = { nosuid: true, nodev: true, noexec: true };

/** What every container finds mounted (Docker's list). */
export function defaultMounts(host: HostConfig, layout: CgroupLayout): MountPlan[] {
  const readonly = !host.Privileged;
  return [
    { type: "proc", source: "proc", target: "/proc", options: SAFE, data: "" },
    {
      type: "tmpfs",
      source: "tmpfs",
      target: "/dev",
      options: { nosuid: true, strictatime: true },
      data: "mode=755,size=65536k",
    },
    {
      type: "devpts",
      source: "devpts",
      target: "/dev/pts",
      options: { nosuid: true, noexec: true },
      data: "newinstance,ptmxmode=0666,mode=0620,gid=5",
    },
    { type: "sysfs", source: "sysfs", target: "/sys", options: { ...SAFE, readonly }, data: "" },
    ...cgroupMounts(layout, readonly),
    ...ipcMounts(host),
  ];
}

/** Seen through the container's own cgroup namespace: its own directory is the root. */
function cgroupMounts(layout: CgroupLayout, readonly: boolean): MountPlan[] {
  const target = "/sys/fs/cgroup";
  if (layout.v1.length === 0) {
    if (layout.v2 === undefined) return [];
    return [{ type: "cgroup2", source: "cgroup", target, options: { ...SAFE, relatime: true, readonly }, data: "" }];
  }
  return [
    { type: "tmpfs", source: "tmpfs", target, options: SAFE, data: "mode=755,size=1024k" },
    ...layout.v1.map(({ mountPoint, mountData }) => ({
      type: "cgroup",
      source: "cgroup",
      target: `${target}/${basename(mountPoint)}`,
      options: { ...SAFE, relatime: true, readonly },
      data: mountData,
    })),
  ];
}

function ipcMounts(host: HostConfig): MountPlan[] {
  const mqueue: MountPlan = { type: "mqueue", source: "mqueue", target: "/dev/mqueue", options: SAFE, data: "" };
  if (host.IpcMode === "host") {
    // A mqueue mounted anew in the host's IPC namespace shows the host's queues too.
    return [existsSync("/dev/mqueue") ? bindOf("/dev/mqueue") : mqueue, bindOf("/dev/shm")];
  }
  const data = `mode=1777,size=${String(host.ShmSize)}`;
  return [mqueue, { type: "tmpfs", source: "shm", target: "/dev/shm", options: SAFE, data }];
}

function bindOf(path: string): MountPlan {
  return { type: "rbind", source: path, target: path, options: SAFE, data: "", propagation: "rprivate" };
}
