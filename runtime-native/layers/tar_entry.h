#pragma once

#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace berth {

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

// A piece of data in a sparse file.
struct SparseRun {
  uint64_t offset;
  uint64_t length;
};

// One member of a tar, with everything that its headers say about it. `path` and `link` are as they were written.
struct TarEntry {
  EntryType type = EntryType::kFile;
  std::string path;
  std::string link;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  timespec mtime = {};
  std::optional<timespec> atime;
  // Of the file as it shall be; a sparse file has less in the tar.
  uint64_t size = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
  // In ascending order, without overlap, within `size`; only for a sparse file.
  std::optional<std::vector<SparseRun>> sparse;
};

}  // namespace berth
