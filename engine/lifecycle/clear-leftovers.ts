import { readFileSync, rmSync } from "node:fs";

import { endCgroup } from "../cgroups/cgroup-processes.js";
import { locateContainerCgroup } from "../cgroups/container-cgroup.js";
import type { ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";

/** What a shim does when its container has ended, done for one that was killed: processes, cgroup, mount, socket. Idempotent. */
export async function clearLeftovers(engine: Engine, record: ContainerRecord): Promise<void> {
  const cgroup = locateContainerCgroup(engine.cgroupLayout(), record.HostConfig.CgroupParent, record.ID);
  await endCgroup(cgroup);
  const { merged } = engine.store.overlay.paths(record.ID);
  if (isMounted(merged)) await unmount(merged);
  rmSync(engine.paths.of(record.ID).socket, { force: true });
}

/** Loaded here alone: the modules cost every command milliseconds, and shims are rarely killed. */
async function unmount(path: string): Promise<void> {
  const { execFile } = process.getBuiltinModule("node:child_process");
  const { promisify } = process.getBuiltinModule("node:util");
  await promisify(execFile)("umount", ["--lazy", "--", path]);
}

/** proc_pid_mountinfo(5), field 5; berth's own paths hold nothing that is escaped there unless the root does. */
function isMounted(path: string): boolean {
  const escaped = path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${escaped} `);
}
