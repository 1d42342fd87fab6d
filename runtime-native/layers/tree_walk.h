#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "layers/tar_entry.h"

namespace berth {

// Reads a directory tree as the entries of a layer: sorted by name, directories before what is in them, hard links to
// the first name of their inode. Never follows a link, and does not enter other filesystems (as tar --one-file-system).
class TreeWalk {
 public:
  struct Visitor {
    std::function<Result<>(const TarEntry&)> entry;
    // The content of the file that `entry` was just called with; exactly its size in bytes, in pieces.
    std::function<Result<>(std::span<const uint8_t>)> content;
    std::function<Result<>()> content_end;
  };

  // `overlay_whiteouts`: overlayfs's whiteouts and opaque marks become .wh. entries, its other xattrs are left out.
  TreeWalk(Visitor visitor, bool overlay_whiteouts);

  Result<> Walk(const std::string& source);

 private:
  // A directory whose names are being gone through.
  struct Level {
    UniqueFd fd;
    std::string path;
    std::vector<std::string> names;
    size_t next = 0;
  };

  Result<> Enter(UniqueFd fd, const std::string& path, const struct stat& status);
  Result<> Visit(const Level& level, const std::string& name);
  Result<> VisitWhiteout(const TarEntry& entry, const std::string& parent, const std::string& name);
  Result<> VisitFile(const Level& level, const std::string& name, TarEntry entry, const struct stat& status);
  // True: the directory is marked as opaque.
  Result<bool> ReadXattrs(const std::string& proc_path, TarEntry& entry);

  Visitor visitor_;
  const bool overlay_whiteouts_;
  dev_t device_ = 0;
  std::vector<Level> levels_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::vector<uint8_t> buffer_;
};

}  // namespace berth
