import { BerthError } from "../../oci/errors.js";
import type { CreateRequest, HostConfig } from "../../engine/index.js";
import { parseByteSize, parseInteger, parseNanoCpus } from "./byte-size.js";
import type { ContainerFlags } from "./container-flags.js";
import { collectEnvironment, collectLabels } from "./environment-files.js";
import { absoluteBind, parseDeviceFlag, parseMountFlag, parseUlimitFlag } from "./mount-flag.js";

/** The flags in the engine's terms. @throws BerthError USAGE, UNSUPPORTED */
export function containerRequest(
  image: string,
  command: readonly string[],
  flags: ContainerFlags,
  streams: { readonly detached: boolean },
): CreateRequest {
  if (flags.publish.length > 0) {
    throw new BerthError("UNSUPPORTED", "-p: published ports are not there yet; use --network host");
  }
  if (flags.restart !== "no") {
    throw new BerthError(
      "UNSUPPORTED",
      `--restart ${flags.restart}: a container is not restarted yet; have systemd do it`,
    );
  }
  const attached = !streams.detached;
  return {
    image,
    command,
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.entrypoint !== undefined && { entrypoint: [flags.entrypoint] }),
    config: {
      AttachStdin: attached && flags.interactive === true,
      AttachStdout: attached,
      AttachStderr: attached && flags.tty !== true,
      Tty: flags.tty === true,
      OpenStdin: flags.interactive === true,
      StdinOnce: attached && flags.interactive === true,
      Env: collectEnvironment(flags.env, flags.envFile),
      Labels: collectLabels(flags.label, flags.labelFile),
      ...(flags.hostname !== undefined && { Hostname: flags.hostname }),
      ...(flags.domainname !== undefined && { Domainname: flags.domainname }),
      ...(flags.user !== undefined && { User: flags.user }),
      ...(flags.workdir !== undefined && { WorkingDir: flags.workdir }),
      ...(flags.stopSignal !== undefined && { StopSignal: flags.stopSignal }),
      ...(flags.stopTimeout !== undefined && { StopTimeout: parseInteger(flags.stopTimeout, "--stop-timeout") }),
    },
    hostConfig: { ...isolation(flags), ...resources(flags) },
  };
}

function isolation(flags: ContainerFlags): Partial<HostConfig> {
  return {
    AutoRemove: flags.rm === true,
    Privileged: flags.privileged === true,
    ReadonlyRootfs: flags.readOnly === true,
    CapAdd: flags.capAdd,
    CapDrop: flags.capDrop,
    SecurityOpt: flags.securityOpt,
    GroupAdd: flags.groupAdd,
    ExtraHosts: flags.addHost,
    Binds: flags.volume.map(absoluteBind),
    Mounts: flags.mount.map(parseMountFlag),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => splitAt(text, ":"))),
    Sysctls: Object.fromEntries(flags.sysctl.map((text) => namedValue(text, "--sysctl"))),
    LogConfig: logConfig(flags),
    Ulimits: flags.ulimit.map(parseUlimitFlag),
    Devices: flags.device.map(parseDeviceFlag),
    DeviceCgroupRules: flags.deviceCgroupRule,
    ...(flags.network !== undefined && { NetworkMode: flags.network }),
    ...(flags.ipc !== undefined && { IpcMode: flags.ipc }),
    ...(flags.pid !== undefined && { PidMode: flags.pid }),
    ...(flags.uts !== undefined && { UTSMode: flags.uts as "host" }),
    ...(flags.cidfile !== undefined && { ContainerIDFile: flags.cidfile }),
    ...(flags.cgroupParent !== undefined && { CgroupParent: flags.cgroupParent }),
    ...(flags.shmSize !== undefined && { ShmSize: parseByteSize(flags.shmSize, "--shm-size") }),
  };
}

function resources(flags: ContainerFlags): Partial<HostConfig> {
  const number = (text: string | undefined, flag: string): number =>
    text === undefined ? 0 : parseInteger(text, flag);
  const bytes = (text: string | undefined, flag: string): number =>
    text === undefined ? 0 : parseByteSize(text, flag);
  return {
    NanoCpus: flags.cpus === undefined ? 0 : parseNanoCpus(flags.cpus),
    CpuPeriod: number(flags.cpuPeriod, "--cpu-period"),
    CpuQuota: number(flags.cpuQuota, "--cpu-quota"),
    CpuShares: number(flags.cpuShares, "--cpu-shares"),
    CpusetCpus: flags.cpusetCpus ?? "",
    CpusetMems: flags.cpusetMems ?? "",
    Memory: bytes(flags.memory, "--memory"),
    MemorySwap: flags.memorySwap === "-1" ? -1 : bytes(flags.memorySwap, "--memory-swap"),
    MemoryReservation: bytes(flags.memoryReservation, "--memory-reservation"),
    MemorySwappiness:
      flags.memorySwappiness === undefined ? -1 : parseInteger(flags.memorySwappiness, "--memory-swappiness"),
    OomKillDisable: flags.oomKillDisable === true,
    OomScoreAdj: number(flags.oomScoreAdj, "--oom-score-adj"),
    PidsLimit: number(flags.pidsLimit, "--pids-limit"),
    BlkioWeight: number(flags.blkioWeight, "--blkio-weight"),
  };
}

/** Each is renamed whenever the log is full. */
const MAX_LOG_FILES = 10_000;

function logConfig({ logDriver = "json-file", logOpt }: ContainerFlags): HostConfig["LogConfig"] {
  if (logDriver !== "json-file" && logDriver !== "none") {
    throw new BerthError("UNSUPPORTED", `--log-driver ${logDriver} is not there: use json-file or none`);
  }
  const options = Object.fromEntries(logOpt.map((text) => namedValue(text, "--log-opt")));
  const { "max-size": size, "max-file": files, ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new BerthError("USAGE", `unknown --log-opt ${unknown}: use max-size or max-file`);
  const maxSize = size === undefined ? undefined : parseByteSize(size, "--log-opt max-size");
  const maxFile = files === undefined ? undefined : parseInteger(files, "--log-opt max-file");
  if (maxSize === 0) throw new BerthError("USAGE", "--log-opt max-size must be above 0");
  if (maxFile !== undefined && (maxFile < 1 || maxFile > MAX_LOG_FILES)) {
    throw new BerthError("USAGE", `--log-opt max-file must be from 1 to ${String(MAX_LOG_FILES)}`);
  }
  return {
    Type: logDriver,
    Config: {
      ...(maxSize !== undefined && { "max-size": String(maxSize) }),
      ...(maxFile !== undefined && { "max-file": String(maxFile) }),
    },
  };
}

function namedValue(text: string, flag: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new BerthError("USAGE", `invalid ${flag} ${JSON.stringify(text)}: write NAME=VALUE`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
