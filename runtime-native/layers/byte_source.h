#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"

namespace berth {

// A stream of bytes as whoever reads it sees it.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The bytes at hand, at least one; empty: the end of the stream. Valid until the next call.
  virtual Result<std::span<const uint8_t>> Peek() = 0;
  // Takes `count` of the bytes that Peek showed.
  virtual void Skip(size_t count) = 0;
};

}  // namespace berth
