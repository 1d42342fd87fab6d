/**
 * What `berth-shim` is told to do, with every decision made: data, no policy left for C++. The engine builds it
 * (runtime-spec terms), `launch-plan-encoding.ts` turns it into bytes, `shim/launch_plan.cc` reads those bytes.
 * All paths are absolute host paths unless said otherwise.
 */
export interface LaunchPlan {
  /** The container's full ID: 64 hex digits. */
  readonly id: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly namespaces: Readonly<Record<NamespaceKind, NamespaceChoice>>;
  /** Only with a new user namespace. */
  readonly idMaps?: { readonly uid: readonly IdMap[]; readonly gid: readonly IdMap[] };
  readonly rootfs: RootfsPlan;
  /** In the order in which they are made; `target` is a path inside the container. */
  readonly mounts: readonly MountPlan[];
  readonly devices: readonly DevicePlan[];
  /** Links made in the container's /dev, such as /dev/fd -> /proc/self/fd. */
  readonly symlinks: readonly { readonly path: string; readonly target: string }[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Written below the container's own /proc/sys: `net.ipv4.ip_forward` -> `1`. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  readonly process: ProcessPlan;
  readonly cgroup: CgroupPlan;
  readonly io: IoPlan;
  /** Unix stream socket on which the shim answers attach, exec, resize, kill and wait. */
  readonly socketPath: string;
  /** Written (temp, rename) when the container's first process has ended: see ExitRecord. */
  readonly exitFile: string;
  /** fsync it and its directory, for readers after a power failure. */
  readonly exitFileDurable: boolean;
  /**
   * Run by the shim, detached, after everything has been cleaned up; for `--rm` of containers that nobody waits for. The first
   * is an absolute path; stdio is /dev/null, the working directory `/`, the environment PATH alone.
   */
  readonly onExit?: readonly string[];
}

export type NamespaceKind = "mount" | "uts" | "ipc" | "pid" | "net" | "user" | "cgroup" | "time";

export type NamespaceChoice =
  | { readonly kind: "new" }
  /** Stay in the shim's namespace. Mount is never "host". */
  | { readonly kind: "host" }
  /** setns to this namespace file, such as /proc/123/ns/net or /run/berth/netns/NAME. */
  | { readonly kind: "join"; readonly path: string };

export interface IdMap {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

export interface RootfsPlan {
  /** The overlay2 directory; mount(2) is called from here so that `lower` may hold short relative names. */
  readonly overlayDirectory: string;
  /** Topmost first: `<cid>-init`'s link first, then the image's, each such as `l/ABCDEFGHIJKLMNOPQRSTUVWXYZ`. */
  readonly lower: readonly string[];
  /** `<cid>/diff`, `<cid>/work`, `<cid>/merged`: absolute. Mounted in the host's mount namespace while the container runs. */
  readonly upper: string;
  readonly work: string;
  readonly merged: string;
  readonly readonly: boolean;
}

export interface MountPlan {
  /** Filesystem type for a new mount; "bind" or "rbind" for a bind of `source`. */
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: {
    readonly readonly?: boolean;
    readonly nosuid?: boolean;
    readonly nodev?: boolean;
    readonly noexec?: boolean;
    readonly strictatime?: boolean;
    readonly relatime?: boolean;
  };
  /** Filesystem-specific options, such as `mode=755,size=65536k`. */
  readonly data: string;
  readonly propagation?: "private" | "rprivate" | "slave" | "rslave" | "shared" | "rshared";
}

export interface DevicePlan {
  readonly path: string;
  readonly type: "c" | "b" | "p";
  readonly major: number;
  readonly minor: number;
  /** Permission bits, such as 0o666. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The part that `exec` shares with the container's first process. */
export interface ProcessPlan {
  /** `args[0]` without a slash is looked up in the PATH of `env`, inside the container. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Inside the container; made if missing for the first process (as Docker's WORKDIR), refused if missing for exec. */
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly capabilities: CapabilityPlan;
  readonly noNewPrivileges: boolean;
  readonly rlimits: readonly { readonly resource: number; readonly soft: bigint; readonly hard: bigint }[];
  /** A compiled BPF program (array of struct sock_filter); none: no filter. */
  readonly seccomp?: Uint8Array;
  readonly tty: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

/**
 * Bit sets by capability number (capabilities(7)), each cut down to what the shim itself has. There is no inheritable set
 * (CVE-2022-24769): it equals `ambient`, which the kernel demands, and Docker's defaults have that empty.
 */
export interface CapabilityPlan {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly ambient: bigint;
}

/** The engine has already made the directories and set the limits. */
export interface CgroupPlan {
  /**
   * `tasks` of each v1 hierarchy. The shim opens them; the child, still single-threaded and before it unshares its cgroup
   * namespace, writes "0" into each itself. Moving oneself by `tasks` spares the kernel the lock that any other move takes, whose
   * RCU grace period costs 5 to 17 ms a container (measured on 6.18; 0.1 ms this way). The same for exec.
   */
  readonly procsFiles: readonly string[];
  /** The v2 directory (pure v2 or the unified part of a hybrid host): clone3 with CLONE_INTO_CGROUP. */
  readonly unifiedDirectory?: string;
  /** memory.oom_control (v1) or memory.events (v2): its `oom_kill N` line is read when the container has ended. */
  readonly oomFile?: string;
  /** Removed, children first, when the container has ended; what is still inside is killed first. */
  readonly directories: readonly string[];
}

export interface IoPlan {
  /** stdin stays open for attached clients (`-i`); otherwise it is /dev/null. */
  readonly openStdin: boolean;
  /** stdin is closed once the first attached client that sent some closes its side (Docker's StdinOnce). */
  readonly stdinOnce: boolean;
  /** Docker's json-file format: one {"log","stream","time"} object a line. */
  readonly log?: { readonly path: string; readonly maxBytes: number; readonly maxFiles: number };
  /** Hand the launcher an attach connection that sees the output from its first byte. */
  readonly attach: boolean;
}

/** JSON in the exit file. */
export interface ExitRecord {
  /** The command's own status, or 128 + signal. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly finishedAt: string;
}
