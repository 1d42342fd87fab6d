#pragma once

#include <functional>
#include <span>
#include <string>

#include "core/result.h"
#include "layers/tar_entry.h"

namespace berth {

// Writes a tar: ustar, with a PAX extended header in front of what ustar cannot say. The same entries give the same
// bytes.
class TarWriter {
 public:
  using Sink = std::function<Result<>(std::span<const uint8_t>)>;

  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  // `entry.size` bytes of content follow by AddContent() when it is a file.
  Result<> AddHeader(const TarEntry& entry);
  Result<> AddContent(std::span<const uint8_t> bytes);
  // Pads the content to whole blocks.
  Result<> EndContent();
  Result<> Finish();

 private:
  Result<> AddBlockHeader(const TarEntry& entry, char type, const std::string& path, uint64_t size);

  Sink sink_;
  uint64_t content_ = 0;
};

}  // namespace berth
