#pragma once

#include <vector>

#include "core/unique_fd.h"
#include "shim/cgroup_membership.h"
#include "shim/launch_plan.h"
#include "shim/process_streams.h"

namespace berth {

// What the container's first process gets from the shim. `joined` holds the namespace files of "join" choices by
// NamespaceKind.
struct InitInheritance {
  const LaunchPlan& plan;
  const CgroupMembership& cgroup;
  const std::vector<UniqueFd>& joined;
  ProcessStreams& streams;
  int sync;
};

// Turns this process, fresh from clone3, into the container's first: it never returns.
[[noreturn]] void RunContainerInit(const InitInheritance& inheritance);

}  // namespace berth
