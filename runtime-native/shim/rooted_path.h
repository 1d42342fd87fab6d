#pragma once

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

// Paths inside the container, whose files belong to whoever wrote the image: resolved by openat2(RESOLVE_IN_ROOT |
// RESOLVE_NO_MAGICLINKS) below the descriptor of the root, and from there on used by descriptor alone (CVE-2021-30465).
namespace berth {

// `flags` as for open(2); O_CLOEXEC is added. Nothing is created.
Result<UniqueFd> OpenInRoot(int root, const std::string& path, int flags, const char* step);

// O_PATH descriptor of the directory at `path`, made with its parents (0755) where missing.
Result<UniqueFd> MakeDirectoryInRoot(int root, const std::string& path, const char* step);

// O_PATH descriptor of what is at `path`; where nothing is, an empty file is made.
Result<UniqueFd> MakeFileInRoot(int root, const std::string& path, const char* step);

struct ParentAndName {
  UniqueFd parent;
  std::string name;
};

// The directory that holds `path` (made where missing), and the last component, which is not looked at.
Result<ParentAndName> ParentInRoot(int root, const std::string& path, const char* step);

}  // namespace berth
