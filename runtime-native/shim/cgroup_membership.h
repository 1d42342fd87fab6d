#pragma once

#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"

namespace berth {

// The container's cgroups, opened from outside so that a process which already lost the host's paths can join them.
struct CgroupMembership {
  // `tasks` of each v1 hierarchy.
  std::vector<UniqueFd> tasks_files;
  // The v2 directory for CLONE_INTO_CGROUP; none: -1.
  UniqueFd unified;

  static Result<CgroupMembership> Open(const CgroupPlan& plan);

  // Moves the calling, single-threaded process into every v1 hierarchy: launch-plan.ts says why it does so itself.
  Result<> JoinVersion1() const;
};

}  // namespace berth
