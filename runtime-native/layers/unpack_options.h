#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/inflater.h"

namespace berth {

struct UnpackLimits {
  uint64_t max_uncompressed_bytes = 128ULL << 30;
  double max_ratio = 1000;
  uint64_t max_entries = 5'000'000;
  uint64_t max_path_bytes = 4095;
};

// runtime-native/layer-contract.ts explains each.
struct UnpackOptions {
  std::string target;
  // Nothing: by the first bytes.
  std::optional<Compression> compression;
  std::optional<std::string> blob_file;
  std::optional<std::string> expected_digest;
  std::optional<uint64_t> expected_size;
  std::optional<std::string> expected_diff_id;
  UnpackLimits limits;
  bool userxattr = false;
};

struct UnpackResult {
  std::string digest;
  uint64_t size = 0;
  std::string diff_id;
  uint64_t uncompressed_size = 0;
  uint64_t content_size = 0;
  Compression compression = Compression::kNone;
  uint64_t entries = 0;
  std::vector<std::string> implied_directories;
  std::vector<std::string> warnings;
};

}  // namespace berth
