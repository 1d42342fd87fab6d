#pragma once

#include <vector>

#include "core/result.h"
#include "shim/launch_plan.h"

namespace berth {

// Written through a procfs of this process's own that is mounted nowhere, so that nothing which the image or another
// container put over /proc can take the write elsewhere (CVE-2025-52881, CVE-2019-19921).
Result<> WriteSysctls(const std::vector<SysctlPlan>& sysctls);

}  // namespace berth
