#pragma once

#include <string>
#include <vector>

#include "shim/launch_plan.h"

namespace berth {

// Kills what is still inside the container's cgroups, thawed if need be, reaps what of it became this process's
// children, and removes the directories with what the container may have made below them. Gives up on a process that
// cannot die after some seconds.
void ClearCgroups(const CgroupPlan& plan);

// Whether the `oom_kill N` line of the plan's oomFile has N > 0.
bool WasOomKilled(const CgroupPlan& plan);

}  // namespace berth
