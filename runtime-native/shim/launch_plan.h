#pragma once

#include <sched.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "shim/wire.h"

// The fields mean what runtime-native/launch-plan.ts says of them.
namespace berth {

enum class NamespaceKind { kMount, kUts, kIpc, kPid, kNet, kUser, kCgroup, kTime };
constexpr size_t kNamespaceCount = 8;

struct NamespaceChoice {
  enum class Kind : uint8_t { kNew, kHost, kJoin } kind;
  std::string path;
};

struct IdMap {
  uint32_t container_id, host_id, size;
};

struct RootfsPlan {
  std::string overlay_directory;
  std::vector<std::string> lower;
  std::string upper, work, merged;
  bool readonly;
};

struct MountPlan {
  enum Flag : uint32_t { kReadonly = 1, kNosuid = 2, kNodev = 4, kNoexec = 8, kStrictatime = 16, kRelatime = 32 };
  std::string type, source, target;
  uint32_t flags;
  std::string data;
  // MS_PRIVATE, MS_SLAVE or MS_SHARED.
  uint64_t propagation;
  bool propagation_recursive;

  bool IsBind() const { return type == "bind" || type == "rbind"; }
};

struct DevicePlan {
  std::string path;
  char type;
  uint32_t major, minor, mode, uid, gid;
};

struct SymlinkPlan {
  std::string path, target;
};

struct SysctlPlan {
  std::string name, value;
};

struct ResourceLimit {
  uint32_t resource;
  uint64_t soft, hard;
};

struct ProcessPlan {
  std::vector<std::string> args, env;
  std::string cwd;
  uint32_t uid, gid;
  std::vector<uint32_t> additional_gids;
  uint64_t bounding, effective, permitted, ambient;
  bool no_new_privileges;
  std::vector<ResourceLimit> rlimits;
  std::string seccomp;
  bool tty;
  uint16_t rows, columns;
};

struct CgroupPlan {
  std::vector<std::string> procs_files;
  std::string unified_directory, oom_file;
  std::vector<std::string> directories;
};

struct IoPlan {
  bool open_stdin, stdin_once;
  std::string log_path;
  uint64_t log_max_bytes;
  uint32_t log_max_files;
  bool attach;
};

struct LaunchPlan {
  std::string id, hostname, domainname;
  std::array<NamespaceChoice, kNamespaceCount> namespaces;
  std::vector<IdMap> uid_map, gid_map;
  RootfsPlan rootfs;
  std::vector<MountPlan> mounts;
  std::vector<DevicePlan> devices;
  std::vector<SymlinkPlan> symlinks;
  std::vector<std::string> masked_paths, readonly_paths;
  std::vector<SysctlPlan> sysctls;
  bool has_oom_score_adj;
  int32_t oom_score_adj;
  ProcessPlan process;
  CgroupPlan cgroup;
  IoPlan io;
  std::string socket_path, exit_file;
  bool exit_file_durable;
  std::vector<std::string> on_exit;

  const NamespaceChoice& Choice(NamespaceKind kind) const { return namespaces[static_cast<size_t>(kind)]; }
  bool IsNew(NamespaceKind kind) const { return Choice(kind).kind == NamespaceChoice::Kind::kNew; }
  bool IsHost(NamespaceKind kind) const { return Choice(kind).kind == NamespaceChoice::Kind::kHost; }
  bool IsJoin(NamespaceKind kind) const { return Choice(kind).kind == NamespaceChoice::Kind::kJoin; }
};

struct ExecPlan {
  bool detach, open_stdin;
  ProcessPlan process;
};

// The CLONE_NEW* flag of each NamespaceKind.
constexpr std::array<uint64_t, kNamespaceCount> kNamespaceFlags = {
    CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWCGROUP, 0x00000080};

// Failure: INVALID_PLAN. Bytes beyond the plan are refused too.
Result<LaunchPlan> DecodeLaunchPlan(std::span<const uint8_t> bytes);
Result<ExecPlan> DecodeExecPlan(std::span<const uint8_t> bytes);

}  // namespace berth
