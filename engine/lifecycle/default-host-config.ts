import { DEFAULT_CGROUP_PARENT } from "../cgroups/cgroup-path.js";
import type { ContainerConfig, HostConfig } from "../container-config.js";
import { MASKED_PATHS, READONLY_PATHS } from "../spec/protected-paths.js";

const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

/** Docker's defaults, but for the network: a private namespace with loopback alone. */
export const DEFAULT_HOST_CONFIG: HostConfig = {
  Binds: null,
  Mounts: [],
  Tmpfs: {},
  ContainerIDFile: "",
  LogConfig: { Type: "json-file", Config: {} },
  NetworkMode: "none",
  AutoRemove: false,
  CapAdd: null,
  CapDrop: null,
  CgroupParent: DEFAULT_CGROUP_PARENT,
  CgroupnsMode: "private",
  ExtraHosts: [],
  GroupAdd: [],
  IpcMode: "private",
  OomScoreAdj: 0,
  PidMode: "",
  UTSMode: "",
  Privileged: false,
  ReadonlyRootfs: false,
  SecurityOpt: [],
  ShmSize: DEFAULT_SHM_SIZE,
  Sysctls: {},
  Devices: [],
  DeviceCgroupRules: [],
  Ulimits: [],
  CpuShares: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  NanoCpus: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Memory: 0,
  MemorySwap: 0,
  MemoryReservation: 0,
  MemorySwappiness: -1,
  OomKillDisable: false,
  PidsLimit: 0,
  BlkioWeight: 0,
  MaskedPaths: MASKED_PATHS,
  ReadonlyPaths: READONLY_PATHS,
};

/** What a request leaves open. Absent Hostname: the beginning of the ID; absent lists: the image's. */
export type ConfigRequest = Partial<Omit<ContainerConfig, "Image" | "Cmd" | "Entrypoint">>;
