#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/result.h"
#include "layers/inflater.h"

namespace berth {

// A compressor whose output depends on its input and level alone.
class Deflater {
 public:
  using Sink = std::function<Result<>(std::span<const uint8_t>)>;

  virtual ~Deflater() = default;
  // `last` ends the stream.
  virtual Result<> Deflate(std::span<const uint8_t> input, bool last, const Sink& sink) = 0;

  // Level 0: the compressor's default. "none" hands the bytes on.
  static std::unique_ptr<Deflater> Make(Compression compression, int level);
};

}  // namespace berth
