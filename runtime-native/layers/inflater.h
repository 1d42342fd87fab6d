#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/result.h"

namespace berth {

enum class Compression { kNone, kGzip, kZstd };

std::string_view CompressionName(Compression compression);
// By the first bytes of a stream; fewer than four are taken for a plain tar.
Compression DetectCompression(std::span<const uint8_t> first);

// A decompressor that is handed input and room for output piece by piece.
class Inflater {
 public:
  struct Step {
    size_t consumed;
    size_t produced;
  };

  virtual ~Inflater() = default;
  // Goes on until the input is used up or the output is full.
  virtual Result<Step> Inflate(std::span<const uint8_t> input, std::span<uint8_t> output) = 0;
  // Whether the stream may end here: at least one whole member or frame, and no part of another.
  virtual bool AtEnd() const = 0;

  // `compression` is gzip or zstd.
  static std::unique_ptr<Inflater> Make(Compression compression);
};

// Nothing when libisal.so.2 is absent or is not laid out as this code expects.
std::unique_ptr<Inflater> MakeIsalInflater();
std::unique_ptr<Inflater> MakeZlibInflater();
std::unique_ptr<Inflater> MakeZstdInflater();

}  // namespace berth
