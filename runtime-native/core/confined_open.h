#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// openat2(2) below `root` with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: whatever links `path` has, the result is
// inside. `path` is relative, "" for the root; `resolve` adds to the RESOLVE_ flags. -1 with errno on failure.
int OpenInRoot(int root, const char* path, int flags, uint64_t resolve = 0);

// Any directory of the host, for reading. Symlinks are followed: the path is the caller's own.
Result<UniqueFd> OpenDirectory(const std::string& path, const char* step);

// Whether this is overlayfs's whiteout: a character device 0:0.
bool IsWhiteout(const struct stat& status);

}  // namespace berth
