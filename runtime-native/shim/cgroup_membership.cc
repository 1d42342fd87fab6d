#include "shim/cgroup_membership.h"

#include <fcntl.h>

namespace berth {

namespace {
constexpr const char* kStep = "join the container's cgroup";
}

Result<CgroupMembership> CgroupMembership::Open(const CgroupPlan& plan) {
  CgroupMembership membership;
  for (const std::string& path : plan.procs_files) {
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return SystemFailure(kStep, "open", path);
    membership.tasks_files.push_back(std::move(file));
  }
  if (!plan.unified_directory.empty()) {
    membership.unified = UniqueFd(open(plan.unified_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!membership.unified) return SystemFailure(kStep, "open", plan.unified_directory);
  }
  return membership;
}

Result<> CgroupMembership::JoinVersion1() const {
  for (const UniqueFd& file : tasks_files)
    if (write(file.get(), "0", 1) != 1) return SystemFailure(kStep, "write", "tasks");
  return Unit{};
}

}  // namespace berth
