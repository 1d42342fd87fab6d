#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

// Big-endian, length-prefixed records: the launch plan, the protocol's payloads and what the shim's processes tell each
// other. Only headers, since the addon reads the same.
namespace berth {

// Reads what somebody else wrote. The first thing that does not fit makes ok() false; from then on everything is empty.
class WireReader {
 public:
  explicit WireReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }

  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }
  int32_t I32() { return static_cast<int32_t>(U32()); }
  uint64_t U64() { return Number(8); }

  bool Bool() {
    uint8_t value = U8();
    if (value > 1) ok_ = false;
    return value == 1;
  }

  std::string Bytes() {
    uint32_t length = U32();
    if (!Has(length)) return "";
    std::string value(reinterpret_cast<const char*>(bytes_.data()), length);
    bytes_ = bytes_.subspan(length);
    return value;
  }

  // Bytes that go to the kernel as a C string.
  std::string Text() {
    std::string value = Bytes();
    if (value.find('\0') != std::string::npos) ok_ = false;
    return value;
  }

  // `read` is called for each item. A count that the remaining bytes cannot hold is refused before anything is
  // allocated.
  template <typename Read>
  auto List(Read read) -> std::vector<decltype(read())> {
    std::vector<decltype(read())> items;
    uint32_t count = U32();
    if (!Has(count)) return items;
    for (uint32_t i = 0; i < count && ok_; i++) items.push_back(read());
    return items;
  }

  std::vector<std::string> Texts() {
    return List([this] { return Text(); });
  }

 private:
  bool Has(size_t count) {
    if (count > bytes_.size()) ok_ = false;
    return ok_;
  }

  uint64_t Number(size_t count) {
    if (!Has(count)) return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) value = value << 8 | bytes_[i];
    bytes_ = bytes_.subspan(count);
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool ok_ = true;
};

class WireWriter {
 public:
  WireWriter& U8(uint8_t value) { return Number(value, 1); }
  WireWriter& U32(uint32_t value) { return Number(value, 4); }
  WireWriter& I32(int32_t value) { return Number(static_cast<uint32_t>(value), 4); }
  WireWriter& Text(std::string_view value) {
    U32(static_cast<uint32_t>(value.size()));
    bytes_.append(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  WireWriter& Number(uint64_t value, size_t count) {
    while (count-- > 0) bytes_.push_back(static_cast<char>(value >> (8 * count)));
    return *this;
  }

  std::string bytes_;
};

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline void WriteFailure(WireWriter& out, const Failure& failure) {
  std::string message = failure.message;
  if (message.empty()) {
    message = failure.step;
    if (!failure.path.empty()) message += ": " + failure.path;
    if (failure.errno_value != 0) message += std::string(": ") + strerror(failure.errno_value);
  }
  out.I32(failure.errno_value).Text(failure.step).Text(failure.syscall).Text(failure.path).Text(failure.code);
  out.Text(message);
}

inline Failure ReadFailure(WireReader& in) {
  Failure failure;
  failure.errno_value = in.I32();
  failure.step = in.Text();
  failure.syscall = in.Text();
  failure.path = in.Text();
  failure.code = in.Text();
  failure.message = in.Text();
  return failure;
}

}  // namespace berth
