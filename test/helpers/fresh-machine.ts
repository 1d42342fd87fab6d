import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { runProgram } from "./child-process.js";
import { PROJECT } from "./project.js";

/** Where the machine sees the project, read-only, and the directory that it shares with the host. */
export const ON_MACHINE = { project: "/opt/berth", shared: "/mnt" };

/** Against hanging alone. */
const SCRIPT_MS = 600_000;

const ENVIRONMENT = [
  "HOME=/root",
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "LC_ALL=C.UTF-8",
];

/** Becomes process 1 of the machine; ends when its standard input does, and everything on the machine with it. */
const START = `
set -e
machine=$1 shared=$2 project=$3
mount -t tmpfs -o mode=755 tmpfs "$machine"
mkdir "$machine/upper" "$machine/work" "$machine/root"
cd "$machine/root"
mount -t overlay -o "lowerdir=/,upperdir=$machine/upper,workdir=$machine/work" overlay "$machine/root"
cd "$machine/root"
for directory in dev sys; do mount --rbind "/$directory" "$directory"; done
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mkdir -p opt/berth
mount --bind "$project" opt/berth
mount -o remount,bind,ro opt/berth
mount --bind "$shared" mnt
ip link set lo up
exec chroot . sh -c 'echo ready; exec cat'
`;

/**
 * This host as it is, in namespaces of its own: what is written goes to memory and is gone afterwards, there is no network but
 * its own loopback with every port free, and no process outlives it. Needs root.
 */
export class FreshMachine {
  private constructor(
    private readonly directory: string,
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly init: string,
  ) {}

  static async start(): Promise<FreshMachine> {
    const directory = mkdtempSync(join(tmpdir(), "berth-machine-"));
    const places = ["root", "shared"].map((name) => join(directory, name));
    for (const place of places) mkdirSync(place);
    const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    const child = spawn("unshare", [...namespaces, "sh", "-c", START, "sh", ...places, PROJECT]);
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const ended = once(child, "exit").then(() => {
      throw new Error(`the machine did not start: ${errors}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(child.stdout, "data"), ended]);
    const pid = String(child.pid);
    const init = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return new FreshMachine(directory, child, init);
  }

  /** On the host; the machine sees it as ON_MACHINE.shared. */
  get shared(): string {
    return join(this.directory, "shared");
  }

  /** Runs a script of bash, as root, to its end. @throws Error with the end of its output unless it exits with 0 */
  async run(script: string): Promise<string> {
    return await runProgram("nsenter", this.#entering(script), { timeoutMs: SCRIPT_MS });
  }

  /** A script that goes on. */
  start(script: string): ChildProcessWithoutNullStreams {
    return spawn("nsenter", this.#entering(script));
  }

  #entering(script: string): string[] {
    const into = ["--target", this.init, "--mount", "--net", "--pid", "--root"];
    return [...into, "env", "-i", ...ENVIRONMENT, "bash", "--norc", "-euo", "pipefail", "-c", `cd\n${script}`];
  }

  /** Resolves to what is left on the host: an empty list is right. */
  async stop(): Promise<readonly string[]> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "exit");
      this.child.stdin.end();
      await ended;
    }
    const mounts = readFileSync(`/proc/${String(process.pid)}/mountinfo`, "utf8").split("\n");
    const left = mounts.filter((line) => line.includes(this.directory));
    if (left.length === 0) rmSync(this.directory, { recursive: true });
    return left;
  }
}
