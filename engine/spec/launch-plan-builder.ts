import { normalize } from "node:path";

import type { LaunchPlan, MountPlan, ProcessPlan } from "../../runtime-native/launch-plan.js";
import type { CgroupPlan } from "../../runtime-native/launch-plan.js";
import type { OverlayDirectories } from "../../puller/index.js";
import type { CgroupLayout } from "../cgroups/cgroup-layout.js";
import type { ContainerRecord } from "../container-record.js";
import type { ContainerPaths } from "../container-paths.js";
import type { ContainerDevices } from "./devices.js";
import { DEFAULT_SYMLINKS } from "./devices.js";
import { defaultMounts } from "./default-mounts.js";
import { chooseNamespaces } from "./namespaces.js";
import { requestedMounts } from "./requested-mounts.js";

/** Docker keeps all of a container's output unless told otherwise; a number that no log reaches. */
const NO_LOG_LIMIT = Number.MAX_SAFE_INTEGER;

export interface LaunchPlanParts {
  readonly record: ContainerRecord;
  readonly paths: ContainerPaths;
  readonly overlay: OverlayDirectories;
  readonly layout: CgroupLayout;
  readonly devices: ContainerDevices;
  readonly cgroup: CgroupPlan;
  readonly process: ProcessPlan;
  readonly exitFile: string;
  readonly attach: boolean;
  readonly onExit?: readonly string[];
  /** Host pid of a running container that this one joins. */
  pidOf(container: string): number;
}

/** Puts the decisions together; makes nothing but missing directories of `-v`. */
export function buildLaunchPlan(parts: LaunchPlanParts): LaunchPlan {
  const { record, paths, overlay } = parts;
  const { Config, HostConfig } = record;
  const own = overlay.paths(record.ID);
  const requested = requestedMounts(HostConfig);
  const fillsDev = !requested.some(isHostDev);
  return {
    id: record.ID,
    hostname: Config.Hostname,
    domainname: Config.Domainname,
    namespaces: chooseNamespaces(HostConfig, (container) => parts.pidOf(container)),
    rootfs: {
      overlayDirectory: overlay.base,
      lower: overlay.lowerLinks(record.ID),
      upper: own.diff,
      work: own.work,
      merged: own.merged,
      readonly: HostConfig.ReadonlyRootfs,
    },
    mounts: [
      ...defaultMounts(HostConfig, parts.layout).filter(({ target }) => !isReplaced(target, requested)),
      ...networkFiles(HostConfig.ReadonlyRootfs, paths).filter(({ target }) => !isReplaced(target, requested)),
      ...requested,
    ],
    devices: fillsDev ? parts.devices.nodes : [],
    symlinks: fillsDev ? DEFAULT_SYMLINKS : [],
    maskedPaths: HostConfig.MaskedPaths,
    // The tmpfs that holds the v1 hierarchies must be writable while they are mounted into it.
    readonlyPaths: [
      ...HostConfig.ReadonlyPaths,
      ...(parts.layout.v1.length > 0 && !HostConfig.Privileged ? ["/sys/fs/cgroup"] : []),
    ],
    sysctls: HostConfig.Sysctls,
    ...(HostConfig.OomScoreAdj !== 0 && { oomScoreAdj: HostConfig.OomScoreAdj }),
    process: parts.process,
    cgroup: parts.cgroup,
    io: {
      openStdin: Config.OpenStdin,
      stdinOnce: Config.StdinOnce,
      attach: parts.attach,
      ...(HostConfig.LogConfig.Type === "json-file" && { log: logOf(parts) }),
    },
    socketPath: paths.socket,
    exitFile: parts.exitFile,
    // With `--rm` nobody reads it after a power failure.
    exitFileDurable: !HostConfig.AutoRemove,
    ...(parts.onExit && { onExit: parts.onExit }),
  };
}

function logOf({ paths, record }: LaunchPlanParts): { path: string; maxBytes: number; maxFiles: number } {
  const options = record.HostConfig.LogConfig.Config;
  const maxBytes = options["max-size"] === undefined ? NO_LOG_LIMIT : Number(options["max-size"]);
  return { path: paths.log, maxBytes, maxFiles: Number(options["max-file"] ?? "1") };
}

/** A mount asked for by the user takes the place of a default one, and of those that it would hide. */
function isReplaced(target: string, requested: readonly MountPlan[]): boolean {
  return requested.some((mount) => `${target}/`.startsWith(normalize(`${mount.target}/`)));
}

/** A directory of the host on /dev stays as it is (as with Docker's): nodes made there would be the host's. */
function isHostDev(mount: MountPlan): boolean {
  return mount.type === "rbind" && normalize(`${mount.target}/`) === "/dev/";
}

function networkFiles(readonly: boolean, paths: ContainerPaths): MountPlan[] {
  const files = [
    ["/etc/resolv.conf", paths.resolvConf],
    ["/etc/hostname", paths.hostname],
    ["/etc/hosts", paths.hosts],
  ] as const;
  return files.map(([target, source]) => ({
    type: "rbind",
    source,
    target,
    options: { readonly },
    data: "",
    propagation: "rprivate",
  }));
}
