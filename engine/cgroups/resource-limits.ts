/** What a container may use, in Docker's HostConfig terms and units. Absent: no limit of its own. */
export interface ResourceLimits {
  /** Relative weight, 2..262144; 1024 is the default. */
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  /** CPUs as in `0-2,4`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Bytes. */
  readonly memory?: number;
  /** Memory and swap together, bytes; -1: no limit on swap. */
  readonly memorySwap?: number;
  /** The swap limit follows from `memory` and was not asked for. */
  readonly memorySwapImplied?: boolean;
  readonly memoryReservation?: number;
  /** 0..100. */
  readonly memorySwappiness?: number;
  readonly oomKillDisable?: boolean;
  /** -1: no limit. */
  readonly pidsLimit?: number;
  /** 10..1000. */
  readonly blkioWeight?: number;
  readonly blkioThrottles?: readonly BlockThrottle[];
  /** Network class, for net_cls. */
  readonly netClassId?: number;
  /** What may be opened and made, as lines of the devices controller (`c 1:3 rwm`); absent: everything. */
  readonly devices?: readonly string[];
}

export interface BlockThrottle {
  readonly kind: "readBps" | "writeBps" | "readIops" | "writeIops";
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

/** What one controller does with the limits: files of the container's directory, in order, and what it cannot do. */
export interface ControllerSettings {
  readonly writes: readonly ControllerWrite[];
  /** One sentence each, for the user: limits that this kernel has no equal of. */
  readonly warnings: readonly string[];
}

export interface ControllerWrite {
  readonly file: string;
  readonly value: string;
  /** The flag to name when the kernel refuses the value. */
  readonly flag: string;
  /** berth added it by itself: where the file is missing the user gets a warning instead of an error. */
  readonly implied?: boolean;
}

export type Controller = "cpu" | "cpuacct" | "cpuset" | "memory" | "pids" | "blkio" | "devices" | "freezer" | "net_cls";
