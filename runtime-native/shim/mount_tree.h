#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

// The new mount API (Linux 5.2 to 5.12): mounts are made detached and put in place by descriptor.
namespace berth {

// A detached copy of the mount at `path` below `directory`; an empty path is `directory` itself.
Result<UniqueFd> CloneTree(int directory, const std::string& path, bool recursive, const char* step);

// A detached mount of a new filesystem. `data`: comma-separated options as for mount(8). `attributes`: MOUNT_ATTR_*.
Result<UniqueFd> MakeFilesystem(const std::string& type, const std::string& source, const std::string& data,
                                unsigned attributes, const char* step);

// Sets and clears MOUNT_ATTR_*, and the propagation (MS_PRIVATE, ...; 0: as it is).
Result<> SetMountAttributes(int tree, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
                            const char* step, const std::string& path);

// Puts the detached `tree` on top of what `target` is a descriptor of.
Result<> AttachTree(int tree, int target, const char* step, const std::string& path);

}  // namespace berth
