#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"

namespace berth {

constexpr size_t kTarBlock = 512;
using TarBlock = std::span<const uint8_t, kTarBlock>;

enum class TarFormat { kV7, kUstar, kStar, kGnu };

// A header block (POSIX.1-2018 pax, "ustar Interchange Format"), its fields as numbers and strings.
struct TarHeader {
  TarFormat format = TarFormat::kV7;
  char type = '0';
  std::string path;
  std::string link;
  int64_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;
  int64_t mtime = 0;
  int64_t device_major = 0;
  int64_t device_minor = 0;
};

bool IsZeroBlock(TarBlock block);
// Verifies the checksum.
Result<TarHeader> ParseTarHeader(TarBlock block);
// Octal, or base-256 when the first bit is set (GNU).
std::optional<int64_t> ParseTarNumber(std::span<const uint8_t> field);

}  // namespace berth
