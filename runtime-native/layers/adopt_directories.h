#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace berth {

// Gives each of `directories` (relative to `diff`, "." for itself) the owner, mode, xattrs and times of the first of
// `lowers` (topmost first) that has it. Where the topmost that has something of this name has no directory there, or
// none has it, the directory stays as it is.
Result<> AdoptDirectories(const std::string& diff, const std::vector<std::string>& lowers,
                          const std::vector<std::string>& directories);

}  // namespace berth
