#include "layers/tar_header.h"

#include <algorithm>
#include <cstring>

namespace berth {

namespace {

struct Field {
  size_t offset;
  size_t length;
};

constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kMtime{136, 12};
constexpr Field kChecksum{148, 8}, kLink{157, 100}, kMajor{329, 8}, kMinor{337, 8}, kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr size_t kTypeOffset = 156, kMagicOffset = 257, kStarTrailerOffset = 508;

std::span<const uint8_t> Of(TarBlock block, Field field) { return block.subspan(field.offset, field.length); }

std::string Text(TarBlock block, Field field) {
  const auto bytes = Of(block, field);
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
}

// Some old tars summed signed bytes; both are accepted, as every reader does.
bool ChecksumMatches(TarBlock block) {
  const auto written = ParseTarNumber(Of(block, kChecksum));
  if (!written) return false;
  int64_t plain = 0;
  int64_t with_sign = 0;
  for (size_t i = 0; i < kTarBlock; i++) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    plain += own ? ' ' : block[i];
    with_sign += own ? ' ' : static_cast<int8_t>(block[i]);
  }
  return *written == plain || *written == with_sign;
}

TarFormat FormatOf(TarBlock block) {
  if (std::memcmp(block.data() + kMagicOffset, "ustar  \0", 8) == 0) return TarFormat::kGnu;
  if (std::memcmp(block.data() + kMagicOffset, "ustar\0", 6) != 0) return TarFormat::kV7;
  if (std::memcmp(block.data() + kStarTrailerOffset, "tar\0", 4) == 0) return TarFormat::kStar;
  return TarFormat::kUstar;
}

std::optional<int64_t> ParseBase256(std::span<const uint8_t> field) {
  const bool negative = (field[0] & 0x40) != 0;
  uint64_t value = negative ? ~0ULL : 0;
  for (size_t i = 0; i < field.size(); i++) {
    // The first byte gives six bits after the marker and the sign.
    const uint64_t byte = i == 0 ? (field[0] & 0x3f) | (negative ? 0xc0 : 0) : field[i];
    if ((value >> 55) != (negative ? 0x1ff : 0)) return std::nullopt;
    value = (value << 8) | byte;
  }
  return static_cast<int64_t>(value);
}

}  // namespace

bool IsZeroBlock(TarBlock block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<int64_t> ParseTarNumber(std::span<const uint8_t> field) {
  if ((field[0] & 0x80) != 0) return ParseBase256(field);
  size_t begin = 0;
  size_t end = field.size();
  while (begin < end && (field[begin] == ' ' || field[begin] == 0)) begin++;
  size_t digits_end = begin;
  int64_t value = 0;
  while (digits_end < end && field[digits_end] >= '0' && field[digits_end] <= '7') {
    value = (value << 3) | (field[digits_end++] - '0');
    if (value >> 60 != 0) return std::nullopt;
  }
  // What follows the digits must be a terminator or nothing.
  if (digits_end < end && field[digits_end] != ' ' && field[digits_end] != 0) return std::nullopt;
  return value;
}

Result<TarHeader> ParseTarHeader(TarBlock block) {
  if (!ChecksumMatches(block)) return RuleFailure("LAYER_INVALID", "not a tar: a header's checksum does not match");
  TarHeader header;
  header.format = FormatOf(block);
  header.type = static_cast<char>(block[kTypeOffset]);
  header.path = Text(block, kName);
  header.link = Text(block, kLink);
  if (header.format == TarFormat::kUstar || header.format == TarFormat::kStar) {
    const std::string prefix = Text(block, header.format == TarFormat::kUstar ? kPrefix : kStarPrefix);
    if (!prefix.empty()) header.path = prefix + "/" + header.path;
  }
  const bool device = header.type == '3' || header.type == '4';
  const struct {
    Field field;
    int64_t& value;
    const char* name;
    bool wanted;
  } numbers[] = {{kMode, header.mode, "mode", true},
                 {kUid, header.uid, "uid", true},
                 {kGid, header.gid, "gid", true},
                 {kSize, header.size, "size", true},
                 {kMtime, header.mtime, "mtime", true},
                 {kMajor, header.device_major, "device number", device},
                 {kMinor, header.device_minor, "device number", device}};
  for (const auto& number : numbers) {
    if (!number.wanted) continue;
    const auto value = ParseTarNumber(Of(block, number.field));
    if (!value)
      return RuleFailure("LAYER_INVALID", std::string("malformed ") + number.name + " in a tar header", header.path);
    number.value = *value;
  }
  if (header.size < 0) return RuleFailure("LAYER_INVALID", "negative size in a tar header", header.path);
  return header;
}

}  // namespace berth
