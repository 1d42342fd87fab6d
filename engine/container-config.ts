/** Docker's Config of a container: what runs in it. Field names are Docker's, for `inspect` and the Engine API. */
export interface ContainerConfig {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly User: string;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly StdinOnce: boolean;
  readonly Env: readonly string[];
  readonly Cmd: readonly string[] | null;
  /** The reference or ID that the container was made from, as given. */
  readonly Image: string;
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  /** Seconds. */
  readonly StopTimeout?: number;
}

/** Docker's HostConfig: what the host gives to a container. Bytes, microseconds and nanoCPUs as in Docker's API. */
export interface HostConfig {
  readonly Binds: readonly string[] | null;
  readonly Mounts: readonly MountRequest[];
  readonly Tmpfs: Readonly<Record<string, string>>;
  readonly ContainerIDFile: string;
  readonly LogConfig: { readonly Type: "json-file" | "none"; readonly Config: Readonly<Record<string, string>> };
  readonly NetworkMode: string;
  readonly AutoRemove: boolean;
  readonly CapAdd: readonly string[] | null;
  readonly CapDrop: readonly string[] | null;
  readonly CgroupParent: string;
  readonly CgroupnsMode: "private" | "host";
  readonly ExtraHosts: readonly string[];
  readonly GroupAdd: readonly string[];
  readonly IpcMode: string;
  readonly OomScoreAdj: number;
  readonly PidMode: string;
  readonly UTSMode: "" | "host";
  readonly Privileged: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly SecurityOpt: readonly string[];
  readonly ShmSize: number;
  readonly Sysctls: Readonly<Record<string, string>>;
  readonly Devices: readonly DeviceRequest[];
  readonly DeviceCgroupRules: readonly string[];
  readonly Ulimits: readonly Ulimit[];
  readonly CpuShares: number;
  readonly CpuPeriod: number;
  readonly CpuQuota: number;
  readonly NanoCpus: number;
  readonly CpusetCpus: string;
  readonly CpusetMems: string;
  readonly Memory: number;
  readonly MemorySwap: number;
  readonly MemoryReservation: number;
  /** -1: the parent's. */
  readonly MemorySwappiness: number;
  readonly OomKillDisable: boolean;
  /** 0: no limit of its own. */
  readonly PidsLimit: number;
  readonly BlkioWeight: number;
  readonly MaskedPaths: readonly string[];
  readonly ReadonlyPaths: readonly string[];
}

export interface MountRequest {
  readonly Type: "bind" | "tmpfs";
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
  readonly BindOptions?: { readonly Propagation?: string };
}

export interface DeviceRequest {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Some of `r`, `w`, `m`. */
  readonly CgroupPermissions: string;
}

export interface Ulimit {
  readonly Name: string;
  /** -1: unlimited. */
  readonly Soft: number;
  readonly Hard: number;
}
