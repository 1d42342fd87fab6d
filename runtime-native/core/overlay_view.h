#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// A descriptor of the root of a read-only overlay of `lower` (topmost first, relative to `directory`), which is mounted
// nowhere: it is gone when the descriptor and what was opened through it are closed, also by the end of the process.
// Gives the calling thread a mount namespace of its own, so only for one that ends soon.
Result<UniqueFd> OpenOverlayView(const std::string& directory, const std::vector<std::string>& lower);

}  // namespace berth
