import type { IdMap, LaunchPlan, MountPlan, NamespaceKind, ProcessPlan } from "./launch-plan.js";
import { PlanWriter } from "./plan-writer.js";

// The order of every list and field here is the order in which shim/launch_plan.cc reads them.
const MAGIC = 0x42504c31;
const NAMESPACES: readonly NamespaceKind[] = ["mount", "uts", "ipc", "pid", "net", "user", "cgroup", "time"];
const NAMESPACE_KINDS = { new: 0, host: 1, join: 2 } as const;
const PROPAGATIONS = { private: 1, rprivate: 2, slave: 3, rslave: 4, shared: 5, rshared: 6 } as const;
const MOUNT_FLAGS = { readonly: 1, nosuid: 2, nodev: 4, noexec: 8, strictatime: 16, relatime: 32 } as const;

/** @throws NativeError INVALID_PLAN for a string with a NUL byte, RangeError for a number out of its field's range */
export function encodeLaunchPlan(plan: LaunchPlan): Uint8Array {
  const out = new PlanWriter();
  out.u32(MAGIC);
  out.text(plan.id);
  out.text(plan.hostname);
  out.text(plan.domainname);
  for (const kind of NAMESPACES) {
    const choice = plan.namespaces[kind];
    out.u8(NAMESPACE_KINDS[choice.kind]);
    out.text(choice.kind === "join" ? choice.path : "");
  }
  writeIdMaps(out, plan.idMaps?.uid ?? []);
  writeIdMaps(out, plan.idMaps?.gid ?? []);
  writeRootfs(out, plan);
  writeSystem(out, plan);
  writeProcess(out, plan.process);
  out.texts(plan.cgroup.procsFiles);
  out.text(plan.cgroup.unifiedDirectory ?? "");
  out.text(plan.cgroup.oomFile ?? "");
  out.texts(plan.cgroup.directories);
  out.bool(plan.io.openStdin);
  out.bool(plan.io.stdinOnce);
  out.text(plan.io.log?.path ?? "");
  out.u64(BigInt(plan.io.log?.maxBytes ?? 0));
  out.u32(plan.io.log?.maxFiles ?? 1);
  out.bool(plan.io.attach);
  out.text(plan.socketPath);
  out.text(plan.exitFile);
  out.bool(plan.exitFileDurable);
  out.texts(plan.onExit ?? []);
  return out.finish();
}

/** The payload of the protocol's EXEC frame: see shim-protocol.ts. */
export function encodeExec(process: ProcessPlan, options: { detach: boolean; openStdin: boolean }): Uint8Array {
  const out = new PlanWriter();
  out.bool(options.detach);
  out.bool(options.openStdin);
  writeProcess(out, process);
  return out.finish();
}

function writeIdMaps(out: PlanWriter, maps: readonly IdMap[]): void {
  out.list(maps, (map) => {
    out.u32(map.containerId);
    out.u32(map.hostId);
    out.u32(map.size);
  });
}

function writeRootfs(out: PlanWriter, { rootfs, mounts }: LaunchPlan): void {
  out.text(rootfs.overlayDirectory);
  out.texts(rootfs.lower);
  out.text(rootfs.upper);
  out.text(rootfs.work);
  out.text(rootfs.merged);
  out.bool(rootfs.readonly);
  out.list(mounts, (mount) => {
    out.text(mount.type);
    out.text(mount.source);
    out.text(mount.target);
    out.u32(mountFlags(mount.options));
    out.text(mount.data);
    out.u8(PROPAGATIONS[mount.propagation ?? "rprivate"]);
  });
}

function mountFlags(options: MountPlan["options"]): number {
  let flags = 0;
  for (const [name, bit] of Object.entries(MOUNT_FLAGS)) {
    if (options[name as keyof typeof MOUNT_FLAGS] === true) flags |= bit;
  }
  return flags;
}

function writeSystem(out: PlanWriter, plan: LaunchPlan): void {
  out.list(plan.devices, (device) => {
    out.text(device.path);
    out.u8(device.type.charCodeAt(0));
    out.u32(device.major);
    out.u32(device.minor);
    out.u32(device.mode);
    out.u32(device.uid);
    out.u32(device.gid);
  });
  out.list(plan.symlinks, (link) => {
    out.text(link.path);
    out.text(link.target);
  });
  out.texts(plan.maskedPaths);
  out.texts(plan.readonlyPaths);
  out.list(Object.entries(plan.sysctls), ([name, value]) => {
    out.text(name);
    out.text(value);
  });
  out.bool(plan.oomScoreAdj !== undefined);
  out.i32(plan.oomScoreAdj ?? 0);
}

function writeProcess(out: PlanWriter, process: ProcessPlan): void {
  out.texts(process.args);
  out.texts(process.env);
  out.text(process.cwd);
  out.u32(process.uid);
  out.u32(process.gid);
  out.list(process.additionalGids, (gid) => {
    out.u32(gid);
  });
  out.u64(process.capabilities.bounding);
  out.u64(process.capabilities.effective);
  out.u64(process.capabilities.permitted);
  out.u64(process.capabilities.ambient);
  out.bool(process.noNewPrivileges);
  out.list(process.rlimits, (limit) => {
    out.u32(limit.resource);
    out.u64(limit.soft);
    out.u64(limit.hard);
  });
  out.bytes(process.seccomp ?? new Uint8Array());
  out.bool(process.tty);
  out.u16(process.consoleSize?.rows ?? 0);
  out.u16(process.consoleSize?.columns ?? 0);
}
