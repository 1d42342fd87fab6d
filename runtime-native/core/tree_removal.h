#pragma once

#include <string>

#include "core/result.h"

namespace berth {

// Removes `name` in the directory `parent`: a file, or a tree without following any link out of it or crossing into
// another filesystem mounted inside. A missing one is no error.
Result<> RemoveEntry(int parent, const std::string& name);
// The same for a path of the host; what the path itself is, is not followed if it is a link.
Result<> RemoveTree(const std::string& path);

}  // namespace berth
