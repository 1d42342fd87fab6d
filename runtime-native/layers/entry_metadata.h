#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "layers/tar_entry.h"

namespace berth {

// Gives files what their entries say, in the one order that works: owner (chown clears set-id bits and
// security.capability), mode, xattrs, times (everything before changes them).
class EntryMetadata {
 public:
  explicit EntryMetadata(std::vector<std::string>& warnings) : warnings_(warnings) {}

  // An open file or directory; `with_times` is false for a directory, which is written into later.
  Result<> ApplyToOpen(int fd, const TarEntry& entry, bool with_times);
  // A symlink, device or FIFO that was just made as `base` in `parent`. Nothing is opened for reading or writing, and
  // no link is followed.
  Result<> ApplyToName(int parent, const std::string& base, const TarEntry& entry);

 private:
  Result<> SetXattrs(int fd, const std::string* path, const TarEntry& entry);

  std::vector<std::string>& warnings_;
  bool warned_unsupported_ = false;
  bool warned_user_ = false;
};

void EntryTimes(const TarEntry& entry, timespec (&times)[2]);

// The name under which an xattr of a tar may be set: overlayfs's own names are escaped ("Nesting overlayfs mounts" in
// the kernel's overlayfs.rst), so that an image cannot speak to the overlay that it is mounted in. Empty: passed over.
std::string StoredXattrName(std::string_view name);

}  // namespace berth
