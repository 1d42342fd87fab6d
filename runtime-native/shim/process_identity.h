#pragma once

#include "core/result.h"
#include "shim/launch_plan.h"

namespace berth {

// setrlimit for each of the plan's.
Result<> ApplyResourceLimits(const ProcessPlan& process);

// Bounding set, groups, gid, uid, no_new_privs, capabilities, seccomp: in the one order in which each step still has
// the right to be made. Afterwards nothing but execve should follow; the filter is in place.
Result<> ApplyIdentity(const ProcessPlan& process);

// A process in a new user namespace becomes its root.
Result<> BecomeNamespaceRoot();

}  // namespace berth
