#pragma once

#include <cstdint>
#include <span>

namespace berth {

// What stands between and after the members of a gzip file: the next member, or zero padding until the end (RFC 1952
// has only members; tapes and some writers pad with zeros, which gzip(1) passes over too).
class GzipBoundary {
 public:
  enum class Next { kMember, kPadding, kGarbage };

  // Of the first byte after a member.
  Next Look(uint8_t byte) {
    if (byte == 0) {
      padding_ = true;
      return Next::kPadding;
    }
    return padding_ || byte != 0x1f ? Next::kGarbage : Next::kMember;
  }

 private:
  bool padding_ = false;
};

}  // namespace berth
