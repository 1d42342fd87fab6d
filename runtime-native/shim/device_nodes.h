#pragma once

#include <vector>

#include "core/result.h"
#include "shim/launch_plan.h"

namespace berth {

// In a user namespace mknod(2) is refused: there the host's own node is bound in place. `mounts` have been made
// already.
Result<> MakeDevices(int root, const std::vector<DevicePlan>& devices, bool in_user_namespace);

Result<> MakeSymlinks(int root, const std::vector<SymlinkPlan>& links);

}  // namespace berth
