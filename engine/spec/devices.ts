import { readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

import { BerthError } from "../../oci/errors.js";
import type { DevicePlan, LaunchPlan } from "../../runtime-native/launch-plan.js";
import { DEFAULT_DEVICE_RULES } from "../cgroups/devices-v1.js";
import type { DeviceRequest, HostConfig } from "../container-config.js";

const node = (path: string, major: number, minor: number): DevicePlan => ({
  path,
  type: "c",
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
});

/** runtime-spec, config-linux.md, "Default Devices". */
const DEFAULT_DEVICES: readonly DevicePlan[] = [
  node("/dev/null", 1, 3),
  node("/dev/zero", 1, 5),
  node("/dev/full", 1, 7),
  node("/dev/random", 1, 8),
  node("/dev/urandom", 1, 9),
  node("/dev/tty", 5, 0),
];

export const DEFAULT_SYMLINKS: LaunchPlan["symlinks"] = [
  { path: "/dev/fd", target: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2" },
  { path: "/dev/ptmx", target: "pts/ptmx" },
  { path: "/dev/core", target: "/proc/kcore" },
];

export interface ContainerDevices {
  readonly nodes: readonly DevicePlan[];
  /** For the devices controller; absent for a privileged container. */
  readonly rules?: readonly string[];
}

/** @throws BerthError USAGE for a path that is no device, or a malformed rule */
export function containerDevices(host: HostConfig): ContainerDevices {
  const requested = host.Devices.flatMap(expandDevice);
  if (host.Privileged)
    return {
      nodes: merge(
        DEFAULT_DEVICES,
        hostDevices(),
        requested.map((device) => device.plan),
      ),
    };
  return {
    nodes: merge(
      DEFAULT_DEVICES,
      requested.map((device) => device.plan),
    ),
    rules: [...DEFAULT_DEVICE_RULES, ...requested.map(ruleOf), ...host.DeviceCgroupRules.map(checkRule)],
  };
}

interface RequestedDevice {
  readonly plan: DevicePlan;
  readonly permissions: string;
}

/** A directory stands for the devices in it, as with Docker (`--device /dev/snd`). */
function expandDevice(request: DeviceRequest): RequestedDevice[] {
  const stats = statOrFail(request.PathOnHost);
  if (!stats.isDirectory()) {
    const plan = planOf(request.PathInContainer, stats);
    if (plan === undefined) throw new BerthError("USAGE", `--device: ${request.PathOnHost} is not a device`);
    return [{ plan, permissions: request.CgroupPermissions }];
  }
  return devicesBelow(request.PathOnHost, request.PathInContainer).map((plan) => ({
    plan,
    permissions: request.CgroupPermissions,
  }));
}

function hostDevices(): DevicePlan[] {
  const own = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console", ...DEFAULT_SYMLINKS.map(({ path }) => path)];
  return devicesBelow("/dev", "/dev").filter(
    ({ path }) => !own.some((name) => path === name || path.startsWith(`${name}/`)),
  );
}

function devicesBelow(directory: string, target: string): DevicePlan[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const from = join(directory, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) return devicesBelow(from, to);
    const plan = entry.isCharacterDevice() || entry.isBlockDevice() ? planOf(to, statSync(from)) : undefined;
    return plan === undefined ? [] : [plan];
  });
}

function planOf(path: string, stats: Stats): DevicePlan | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  const { major, minor } = splitDeviceNumber(stats.rdev);
  const type = stats.isBlockDevice() ? "b" : "c";
  return { path, type, major, minor, mode: stats.mode & 0o777, uid: stats.uid, gid: stats.gid };
}

/** glibc's gnu_dev_major and gnu_dev_minor. */
export function splitDeviceNumber(device: number): { readonly major: number; readonly minor: number } {
  const bits = BigInt(device);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn);
  return { major: Number(major), minor: Number(minor) };
}

function ruleOf({ plan, permissions }: RequestedDevice): string {
  return `${plan.type} ${String(plan.major)}:${String(plan.minor)} ${permissions}`;
}

function checkRule(text: string): string {
  if (/^[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new BerthError("USAGE", `invalid --device-cgroup-rule ${JSON.stringify(text)}: write such as "c 1:3 rwm"`);
}

function merge(...lists: (readonly DevicePlan[])[]): DevicePlan[] {
  return [...new Map(lists.flat().map((device) => [device.path, device])).values()];
}

function statOrFail(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new BerthError("USAGE", `--device: there is no ${path} on this host`, { cause });
  }
}
