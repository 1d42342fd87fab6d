#pragma once

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// The container's /dev/null, after a look by descriptor that it is the character device 1:3 and nothing that the image
// put there instead (CVE-2025-31133).
Result<UniqueFd> OpenNullDevice(int root, int flags, const char* step);

}  // namespace berth
