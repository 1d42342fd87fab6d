#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace berth {

// Hides files behind the container's /dev/null and directories behind an empty read-only tmpfs. What is not there is
// passed over. /dev/null is looked at by descriptor first: the image may have put something else there
// (CVE-2025-31133).
Result<> MaskPaths(int root, const std::vector<std::string>& paths);

// Makes what is at each path, with all that is mounted below, read-only. What is not there is passed over.
Result<> MakePathsReadonly(int root, const std::vector<std::string>& paths);

}  // namespace berth
