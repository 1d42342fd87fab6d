#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "layers/inflater.h"

namespace berth {

// runtime-native/layer-contract.ts explains each.
struct PackOptions {
  std::string source;
  std::string output;
  // Instead of a new file at `output`: where to write, and the caller's to close.
  int output_fd = -1;
  Compression compression = Compression::kGzip;
  int level = 0;
  bool overlay_whiteouts = false;
  // Set by another thread to give up, with the rule ABORTED.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

struct PackResult {
  std::string digest;
  uint64_t size = 0;
  std::string diff_id;
  uint64_t uncompressed_size = 0;
  uint64_t content_size = 0;
  uint64_t entries = 0;
};

// Packs in three threads, the caller's among them, and returns when all is written. Nothing is left at `output` on
// failure.
Result<PackResult> PackLayer(const PackOptions& options);

}  // namespace berth
