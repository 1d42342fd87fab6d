import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { LaunchPlan, MountPlan, NamespaceChoice, ProcessPlan } from "../../runtime-native/index.js";
import { buildBusyboxRootfs } from "./busybox-rootfs.js";
import { ScratchCgroup } from "./scratch-cgroup.js";
import { inTheEnd } from "./wait-until.js";

/** The 14 capabilities of Docker's default, by number. */
export const DEFAULT_CAPABILITIES = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31].reduce(
  (bits, number) => bits | (1n << BigInt(number)),
  0n,
);

const NEW: NamespaceChoice = { kind: "new" };
const HOST: NamespaceChoice = { kind: "host" };
const SAFE = { nosuid: true, nodev: true, noexec: true };

/** A directory tree with a busybox image as one overlay layer, from which any number of containers can be started. */
export class ShimHost {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-shim-"));
  readonly #cgroups = new Map<string, ScratchCgroup>();

  async prepare(): Promise<void> {
    mkdirSync(join(this.directory, "l"));
    await buildBusyboxRootfs(join(this.directory, "base/diff"));
    symlinkSync("../base/diff", join(this.directory, "l/BASE"));
  }

  /** A plan like the engine's for `run`, with its own upper directory and cgroups; `change` adapts it. */
  plan(args: readonly string[], change: (plan: Mutable<LaunchPlan>) => void = () => undefined): LaunchPlan {
    const id = randomBytes(32).toString("hex");
    const own = join(this.directory, id.slice(0, 12));
    for (const name of ["diff", "work", "merged"]) mkdirSync(join(own, name), { recursive: true });
    // The container's root directory, whatever the umask.
    chmodSync(join(own, "diff"), 0o755);
    const cgroup = new ScratchCgroup(id);
    this.#cgroups.set(id, cgroup);
    const plan: Mutable<LaunchPlan> = {
      id,
      hostname: id.slice(0, 12),
      domainname: "",
      namespaces: { mount: NEW, uts: NEW, ipc: NEW, pid: NEW, net: NEW, user: HOST, cgroup: NEW, time: HOST },
      rootfs: {
        overlayDirectory: this.directory,
        lower: ["l/BASE"],
        upper: join(own, "diff"),
        work: join(own, "work"),
        merged: join(own, "merged"),
        readonly: false,
      },
      mounts: MOUNTS,
      devices: DEVICES,
      symlinks: [
        { path: "/dev/ptmx", target: "pts/ptmx" },
        { path: "/dev/fd", target: "/proc/self/fd" },
      ],
      maskedPaths: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/scsi"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      sysctls: {},
      process: processPlan(args),
      cgroup: cgroup.plan,
      io: {
        openStdin: false,
        stdinOnce: false,
        attach: true,
        log: { path: join(own, "log"), maxBytes: 0, maxFiles: 1 },
      },
      socketPath: join(own, "sock"),
      exitFile: join(own, "exit"),
      exitFileDurable: true,
    };
    change(plan);
    return plan;
  }

  /** What is still there that a finished container must not leave, one line each. A shim that has answered may take a moment to exit. */
  async leftovers(): Promise<string[]> {
    await inTheEnd(() => this.#shims());
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return [
      ...mounts.filter((line) => line.includes(this.directory)),
      ...[...this.#cgroups.values()].flatMap((cgroup) => cgroup.left()),
      ...this.#shims(),
      ...readdirSync(this.directory)
        .filter((name) => /^[0-9a-f]{12}$/.test(name))
        .flatMap((name) => readdirSync(join(this.directory, name)).map((file) => join(name, file)))
        .filter((file) => file.endsWith("/sock")),
    ];
  }

  /** The cgroups of plans that no shim has got to see. */
  removeUnused(): void {
    for (const cgroup of this.#cgroups.values()) cgroup.remove();
  }

  cgroupOf(plan: LaunchPlan): ScratchCgroup {
    const cgroup = this.#cgroups.get(plan.id);
    if (cgroup === undefined) throw new Error("a plan of another host");
    return cgroup;
  }

  /** Shims, and copies of them that have not become a container's process yet, by the ID in their arguments. */
  #shims(): string[] {
    return readdirSync("/proc").flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const [name, id = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return name === "berth-shim" && this.#cgroups.has(id) ? [`process ${pid}`] : [];
      } catch {
        return [];
      }
    });
  }

  /** Ends with the containers that a failed test has left. @returns leftovers() as it was before */
  async dispose(): Promise<string[]> {
    const left = await this.leftovers();
    for (const shim of this.#shims()) process.kill(Number(shim.replace("process ", "")), "SIGTERM");
    await inTheEnd(() => this.#shims());
    for (const cgroup of this.#cgroups.values()) cgroup.remove();
    rmSync(this.directory, { recursive: true, force: true });
    return left;
  }
}

/** LaunchPlan with its parts open to change. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function processPlan(args: readonly string[], change: Partial<ProcessPlan> = {}): ProcessPlan {
  return {
    args,
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
    cwd: "/",
    uid: 0,
    gid: 0,
    additionalGids: [],
    capabilities: {
      bounding: DEFAULT_CAPABILITIES,
      effective: DEFAULT_CAPABILITIES,
      permitted: DEFAULT_CAPABILITIES,
      ambient: 0n,
    },
    noNewPrivileges: false,
    rlimits: [],
    tty: false,
    ...change,
  };
}

const MOUNTS: readonly MountPlan[] = [
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
  { type: "sysfs", source: "sysfs", target: "/sys", options: { ...SAFE, readonly: true }, data: "" },
  { type: "mqueue", source: "mqueue", target: "/dev/mqueue", options: SAFE, data: "" },
  { type: "tmpfs", source: "shm", target: "/dev/shm", options: SAFE, data: "mode=1777,size=65536k" },
];

const DEVICES = (
  [
    ["null", 1, 3],
    ["zero", 1, 5],
    ["full", 1, 7],
    ["random", 1, 8],
    ["urandom", 1, 9],
    ["tty", 5, 0],
  ] as const
).map(([name, major, minor]) => ({
  path: `/dev/${name}`,
  type: "c" as const,
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
}));
