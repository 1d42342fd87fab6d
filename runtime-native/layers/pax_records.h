#pragma once

#include <time.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "layers/tar_entry.h"

namespace berth {

// What a PAX extended header (POSIX.1-2018 pax, "pax Extended Header") says and berth uses; the rest is passed over.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<timespec> mtime;
  std::optional<timespec> atime;
  std::vector<std::pair<std::string, std::string>> xattrs;
  // GNU.sparse.*: 0.0 (offset and numbytes in turn), 0.1 (map), 1.0 (major; the map is in front of the data).
  std::optional<uint64_t> sparse_major;
  std::optional<std::string> sparse_name;
  std::optional<uint64_t> sparse_size;
  std::optional<std::vector<SparseRun>> sparse_runs;
};

// Adds the records in `data` to `records`, replacing what they say again.
Result<> ParsePaxRecords(std::string_view data, PaxRecords& records);

std::optional<uint64_t> ParseDecimal(std::string_view text);

}  // namespace berth
