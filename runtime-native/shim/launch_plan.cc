#include "shim/launch_plan.h"

#include <sys/mount.h>

namespace berth {

namespace {

constexpr uint32_t kMagic = 0x42504c31;

NamespaceChoice ReadNamespace(WireReader& in, bool& valid) {
  uint8_t kind = in.U8();
  if (kind > 2) valid = false;
  return {static_cast<NamespaceChoice::Kind>(kind), in.Text()};
}

MountPlan ReadMount(WireReader& in, bool& valid) {
  MountPlan mount;
  mount.type = in.Text();
  mount.source = in.Text();
  mount.target = in.Text();
  mount.flags = in.U32();
  mount.data = in.Text();
  constexpr uint64_t kPropagations[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED};
  uint8_t propagation = in.U8();
  if (propagation < 1 || propagation > 6) {
    valid = false;
    return mount;
  }
  mount.propagation = kPropagations[(propagation - 1) / 2];
  mount.propagation_recursive = propagation % 2 == 0;
  return mount;
}

DevicePlan ReadDevice(WireReader& in, bool& valid) {
  DevicePlan device;
  device.path = in.Text();
  device.type = static_cast<char>(in.U8());
  if (device.type != 'c' && device.type != 'b' && device.type != 'p') valid = false;
  device.major = in.U32();
  device.minor = in.U32();
  device.mode = in.U32();
  device.uid = in.U32();
  device.gid = in.U32();
  return device;
}

std::vector<IdMap> ReadIdMaps(WireReader& in) {
  return in.List([&] {
    IdMap map;
    map.container_id = in.U32();
    map.host_id = in.U32();
    map.size = in.U32();
    return map;
  });
}

ProcessPlan ReadProcess(WireReader& in, bool& valid) {
  ProcessPlan process;
  process.args = in.Texts();
  process.env = in.Texts();
  process.cwd = in.Text();
  process.uid = in.U32();
  process.gid = in.U32();
  process.additional_gids = in.List([&] { return in.U32(); });
  process.bounding = in.U64();
  process.effective = in.U64();
  process.permitted = in.U64();
  process.ambient = in.U64();
  process.no_new_privileges = in.Bool();
  process.rlimits = in.List([&] {
    ResourceLimit limit;
    limit.resource = in.U32();
    limit.soft = in.U64();
    limit.hard = in.U64();
    return limit;
  });
  process.seccomp = in.Bytes();
  process.tty = in.Bool();
  process.rows = in.U16();
  process.columns = in.U16();
  // A struct sock_filter is 8 bytes, and the kernel counts them in 16 bits. (uid_t)-1 means "leave as it is" to
  // setresuid(2).
  if (process.args.empty() || process.cwd.empty() || process.cwd[0] != '/') valid = false;
  if (process.seccomp.size() % 8 != 0 || process.seccomp.size() / 8 > 0xffff) valid = false;
  if (process.uid == UINT32_MAX || process.gid == UINT32_MAX) valid = false;
  for (uint32_t gid : process.additional_gids) valid = valid && gid != UINT32_MAX;
  return process;
}

void ReadRootfs(WireReader& in, LaunchPlan& plan, bool& valid) {
  plan.rootfs.overlay_directory = in.Text();
  plan.rootfs.lower = in.Texts();
  plan.rootfs.upper = in.Text();
  plan.rootfs.work = in.Text();
  plan.rootfs.merged = in.Text();
  plan.rootfs.readonly = in.Bool();
  plan.mounts = in.List([&] { return ReadMount(in, valid); });
}

void ReadSystem(WireReader& in, LaunchPlan& plan, bool& valid) {
  plan.devices = in.List([&] { return ReadDevice(in, valid); });
  plan.symlinks = in.List([&] {
    SymlinkPlan link;
    link.path = in.Text();
    link.target = in.Text();
    return link;
  });
  plan.masked_paths = in.Texts();
  plan.readonly_paths = in.Texts();
  plan.sysctls = in.List([&] {
    SysctlPlan sysctl;
    sysctl.name = in.Text();
    sysctl.value = in.Text();
    return sysctl;
  });
  plan.has_oom_score_adj = in.Bool();
  plan.oom_score_adj = in.I32();
}

void ReadSupervision(WireReader& in, LaunchPlan& plan) {
  plan.cgroup.procs_files = in.Texts();
  plan.cgroup.unified_directory = in.Text();
  plan.cgroup.oom_file = in.Text();
  plan.cgroup.directories = in.Texts();
  plan.io.open_stdin = in.Bool();
  plan.io.stdin_once = in.Bool();
  plan.io.log_path = in.Text();
  plan.io.log_max_bytes = in.U64();
  plan.io.log_max_files = in.U32();
  plan.io.attach = in.Bool();
  plan.socket_path = in.Text();
  plan.exit_file = in.Text();
  plan.exit_file_durable = in.Bool();
  plan.on_exit = in.Texts();
}

bool IsAbsolute(const std::string& path) { return !path.empty() && path[0] == '/'; }

}  // namespace

Result<LaunchPlan> DecodeLaunchPlan(std::span<const uint8_t> bytes) {
  WireReader in(bytes);
  LaunchPlan plan;
  bool valid = in.U32() == kMagic;
  plan.id = in.Text();
  plan.hostname = in.Text();
  plan.domainname = in.Text();
  for (NamespaceChoice& choice : plan.namespaces) choice = ReadNamespace(in, valid);
  plan.uid_map = ReadIdMaps(in);
  plan.gid_map = ReadIdMaps(in);
  ReadRootfs(in, plan, valid);
  ReadSystem(in, plan, valid);
  plan.process = ReadProcess(in, valid);
  ReadSupervision(in, plan);
  if (!valid || !in.AtEnd()) return RuleFailure("INVALID_PLAN", "the launch plan cannot be read");

  if (!plan.IsNew(NamespaceKind::kMount)) return RuleFailure("INVALID_PLAN", "a container has its own mount namespace");
  for (const std::string* path : {&plan.rootfs.overlay_directory, &plan.rootfs.upper, &plan.rootfs.work,
                                  &plan.rootfs.merged, &plan.socket_path, &plan.exit_file})
    if (!IsAbsolute(*path)) return RuleFailure("INVALID_PLAN", "an absolute path is needed", *path);
  if (plan.rootfs.lower.empty()) return RuleFailure("INVALID_PLAN", "a root file system has at least one layer");
  return plan;
}

Result<ExecPlan> DecodeExecPlan(std::span<const uint8_t> bytes) {
  WireReader in(bytes);
  ExecPlan plan;
  bool valid = true;
  plan.detach = in.Bool();
  plan.open_stdin = in.Bool();
  plan.process = ReadProcess(in, valid);
  if (!valid || !in.AtEnd()) return RuleFailure("INVALID_PLAN", "the exec plan cannot be read");
  return plan;
}

}  // namespace berth
