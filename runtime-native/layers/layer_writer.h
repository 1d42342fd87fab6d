#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "layers/entry_metadata.h"
#include "layers/layer_directory.h"
#include "layers/overlay_markers.h"
#include "layers/tar_reader.h"
#include "layers/unpack_options.h"

namespace berth {

// Writes the entries of one layer below one directory, in overlay form. Later entries replace earlier ones.
class LayerWriter {
 public:
  static Result<std::unique_ptr<LayerWriter>> Open(const std::string& target, bool userxattr,
                                                   const UnpackLimits& limits);

  // `content` hands out the bytes of `entry`.
  Result<> Add(const TarEntry& entry, TarReader& content);
  // Directories get their times, and superfluous whiteouts go.
  Result<> Finish();

  uint64_t entries() const { return entries_; }
  uint64_t content_size() const { return content_size_; }
  // After Finish().
  std::vector<std::string> ImpliedDirectories() const;
  std::vector<std::string>& warnings() { return warnings_; }

 private:
  struct DirectoryTimes {
    ino_t inode;
    timespec times[2];
  };
  struct Implied {
    std::string written;
    std::string real;
  };
  // Where an entry goes: `base` in an open directory.
  struct Place {
    std::string path;
    std::string base;
    LayerDirectories::Handle parent;
    int fd() const { return parent->get(); }
  };

  LayerWriter(UniqueFd root, bool userxattr, const UnpackLimits& limits);

  std::string RealPath(int fd) const;
  Result<> AddRoot(const TarEntry& entry);
  Result<> AddFile(const Place& place, const TarEntry& entry, TarReader& content);
  Result<> AddDirectory(const Place& place, const TarEntry& entry);
  Result<> AddSymlink(const Place& place, const TarEntry& entry);
  Result<> AddHardLink(const Place& place, const TarEntry& entry);
  Result<> AddSpecial(const Place& place, const TarEntry& entry);
  Result<> DescribeDirectory(const std::string& path, int fd, const TarEntry& entry);
  Result<> WriteContent(int fd, const TarEntry& entry, TarReader& content);
  // Makes room at `place`. True: what stood there was a whiteout.
  Result<bool> RemoveExisting(const Place& place);

  UnpackLimits limits_;
  std::vector<std::string> warnings_;
  EntryMetadata metadata_;
  OverlayMarkers markers_;
  LayerDirectories directories_;
  std::unordered_map<std::string, DirectoryTimes> directory_times_;
  // In the order in which they were made, so parents first; some were described later.
  std::vector<Implied> implied_;
  bool root_described_ = false;
  bool warned_whiteout_device_ = false;
  uint64_t entries_ = 0;
  uint64_t content_size_ = 0;
};

}  // namespace berth
