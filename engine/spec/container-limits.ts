import { availableParallelism } from "node:os";

import { BerthError } from "../../oci/errors.js";
import type { ResourceLimits } from "../cgroups/resource-limits.js";
import type { HostConfig } from "../container-config.js";

const MIN_MEMORY = 6 * 1024 * 1024;
const PERIOD_OF_CPUS = 100_000;
const NANO = 1_000_000_000;

/** HostConfig's figures as limits, 0 and "" meaning none as in Docker's API. @throws BerthError USAGE */
export function limitsOf(host: HostConfig, devices: readonly string[] | undefined): ResourceLimits {
  check(host);
  const period = host.NanoCpus > 0 ? PERIOD_OF_CPUS : host.CpuPeriod;
  const quota = host.NanoCpus > 0 ? Math.round((host.NanoCpus * PERIOD_OF_CPUS) / NANO) : host.CpuQuota;
  const impliedSwap = host.Memory > 0 && host.MemorySwap === 0;
  const swap = impliedSwap ? host.Memory * 2 : host.MemorySwap;
  return {
    ...(host.CpuShares > 0 && { cpuShares: host.CpuShares }),
    ...(period > 0 && { cpuPeriod: period }),
    ...(quota !== 0 && { cpuQuota: quota }),
    ...(host.CpusetCpus !== "" && { cpusetCpus: host.CpusetCpus }),
    ...(host.CpusetMems !== "" && { cpusetMems: host.CpusetMems }),
    ...(host.Memory > 0 && { memory: host.Memory }),
    ...(swap !== 0 && { memorySwap: swap, memorySwapImplied: impliedSwap }),
    ...(host.MemoryReservation > 0 && { memoryReservation: host.MemoryReservation }),
    ...(host.MemorySwappiness >= 0 && { memorySwappiness: host.MemorySwappiness }),
    ...(host.OomKillDisable && { oomKillDisable: true }),
    ...(host.PidsLimit !== 0 && { pidsLimit: host.PidsLimit }),
    ...(host.BlkioWeight > 0 && { blkioWeight: host.BlkioWeight }),
    ...(devices && { devices }),
  };
}

function check(host: HostConfig): void {
  const rules: readonly (readonly [bad: boolean, message: string])[] = [
    [
      host.NanoCpus > 0 && (host.CpuPeriod > 0 || host.CpuQuota !== 0),
      "--cpus and --cpu-period or --cpu-quota exclude each other",
    ],
    [host.NanoCpus < 0, "--cpus must be above 0"],
    [host.NanoCpus > availableParallelism() * NANO, `--cpus: this host has ${String(availableParallelism())} CPUs`],
    [outside(host.CpuPeriod, 1000, 1_000_000), "--cpu-period must be from 1000 to 1000000 microseconds"],
    [
      host.CpuQuota !== 0 && host.CpuQuota !== -1 && host.CpuQuota < 1000,
      "--cpu-quota must be at least 1000 microseconds",
    ],
    [outside(host.CpuShares, 2, 262_144), "--cpu-shares must be from 2 to 262144"],
    [host.Memory > 0 && host.Memory < MIN_MEMORY, "--memory must be at least 6m"],
    [host.MemorySwap > 0 && host.Memory === 0, "--memory-swap needs --memory"],
    [
      host.MemorySwap > 0 && host.MemorySwap < host.Memory,
      "--memory-swap counts memory too: it must not be below --memory",
    ],
    [host.Memory > 0 && host.MemoryReservation > host.Memory, "--memory-reservation must not be above --memory"],
    [host.MemorySwappiness < -1 || host.MemorySwappiness > 100, "--memory-swappiness must be from 0 to 100"],
    [host.PidsLimit < -1, "--pids-limit must be above 0, or -1 for none"],
    [outside(host.BlkioWeight, 10, 1000), "--blkio-weight must be from 10 to 1000"],
    [!isCpuList(host.CpusetCpus), "--cpuset-cpus: write numbers and ranges such as 0-2,4"],
    [!isCpuList(host.CpusetMems), "--cpuset-mems: write numbers and ranges such as 0,1"],
    [host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000, "--oom-score-adj must be from -1000 to 1000"],
  ];
  for (const [bad, message] of rules) if (bad) throw new BerthError("USAGE", message);
}

/** 0 stands for "not set". */
function outside(value: number, low: number, high: number): boolean {
  return value !== 0 && (value < low || value > high);
}

function isCpuList(text: string): boolean {
  return text === "" || /^\d{1,5}(?:-\d{1,5})?(?:,\d{1,5}(?:-\d{1,5})?)*$/.test(text);
}
