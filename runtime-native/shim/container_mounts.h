#pragma once

#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"

namespace berth {

// Copies of the host's trees that the plan binds, in the plan's order; -1 for mounts that are no binds. Taken before
// the container's mount namespace lets go of the host's propagation, so that "shared" and "slave" mean what they say.
Result<std::vector<UniqueFd>> CloneBindSources(const std::vector<MountPlan>& mounts);

// Makes the plan's mounts below the descriptor `root`.
Result<> MakeMounts(int root, const std::vector<MountPlan>& mounts, const std::vector<UniqueFd>& bind_sources);

}  // namespace berth
