// `npm run bench [-- registry|pull|run ...] [--full] [--rounds N] [--dir DIRECTORY]`: berth beside its peers (docs/benchmarks.md).
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

import { PROJECT } from "./step.mjs";

// Everything runs in process and mount namespaces of its own, so that a run that is killed leaves neither process nor mount, and
// what peers keep in shared places (podman in /run, /dev/shm and /var/lib/containers) ends with it. crun 1.8 refuses a hybrid
// cgroup layout: without its v2 part all contenders see v1. The shell is process 1 and reaps what detached monitors leave.
const ISOLATED = `
  for place in /run /dev/shm /var/lib/containers; do
    if [ -d "$place" ]; then mount -t tmpfs -o mode=755 tmpfs "$place" || exit 1; fi
  done
  if mountpoint -q /sys/fs/cgroup/unified; then
    umount --lazy /sys/fs/cgroup/unified && mount -t tmpfs tmpfs /sys/fs/cgroup/unified || exit 1
  fi
  "$@"
  exit $?
`;

const setup = spawnSync(process.execPath, [join(PROJECT, "tooling/setup.mjs"), "--build"], { stdio: "inherit" });
if (setup.status !== 0) process.exit(setup.status ?? 1);
if (process.getuid() !== 0) {
  console.error("berth bench: needs root: it mounts file systems and starts containers");
  process.exit(1);
}

const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
const bench = [process.execPath, join(PROJECT, "dist/bench/main.js"), ...process.argv.slice(2)];
const child = spawn("/usr/bin/unshare", [...namespaces, "sh", "-c", ISOLATED, "sh", ...bench], {
  stdio: ["inherit", "inherit", "inherit", "ipc"],
});
// The bench cleans up when the channel closes, and its status decides.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.connected && child.disconnect());
child.on("error", (error) => {
  console.error(`berth bench: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = signal === null ? code : 1;
});
