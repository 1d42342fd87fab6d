#pragma once

#include <string>
#include <vector>

#include "shim/launch_plan.h"

namespace berth {

// Kills what is still inside the container's cgroups, thawed if need be, and waits until they are empty.
void KillCgroupMembers(const CgroupPlan& plan);

// Removes the directories with what the container may have made below them. Gives up after about two seconds.
void RemoveCgroups(const CgroupPlan& plan);

// Whether the `oom_kill N` line of the plan's oomFile has N > 0.
bool WasOomKilled(const CgroupPlan& plan);

}  // namespace berth
