#include "layers/tar_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "layers/tar_header.h"

namespace berth {

namespace {

constexpr size_t kNameLength = 100;
constexpr size_t kPrefixLength = 155;
// What fits into the octal digits of a field of 8 and of 12 bytes.
constexpr uint64_t kMaxShort = 07777777;
constexpr uint64_t kMaxLong = 077777777777;

char TypeFlag(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return '0';
    case EntryType::kHardLink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      break;
  }
  return '6';
}

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char byte) { return byte >= 0x20 && byte < 0x7f; });
}

// Where a path can be cut into ustar's prefix and name; 0: it fits whole; npos: not at all.
size_t PrefixCut(const std::string& path) {
  if (path.size() <= kNameLength) return 0;
  const size_t cut = path.rfind('/', std::min(kPrefixLength, path.size() - 2));
  if (cut == std::string::npos || cut == 0 || path.size() - cut - 1 > kNameLength) return std::string::npos;
  return cut;
}

// "length key=value\n", the length counting itself.
std::string PaxRecord(const std::string& key, const std::string& value) {
  const size_t bare = key.size() + value.size() + 3;
  size_t length = bare;
  while (length != bare + std::to_string(length).size()) length = bare + std::to_string(length).size();
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

std::string PaxTime(const timespec& time) {
  // A negative time counts its fraction upwards; PAX writes the plain decimal number.
  const bool negative = time.tv_sec < 0;
  long long seconds = time.tv_sec;
  long nanoseconds = time.tv_nsec;
  if (negative && nanoseconds > 0) {
    seconds += 1;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  char text[48];
  const int length =
      snprintf(text, sizeof text, "%s%lld.%09ld", negative ? "-" : "", negative ? -seconds : seconds, nanoseconds);
  std::string result(text, static_cast<size_t>(length));
  result.resize(result.find_last_not_of('0') + 1);
  if (result.ends_with('.')) result.pop_back();
  return result;
}

std::string PaxRecordsOf(const TarEntry& entry) {
  std::string records;
  if (PrefixCut(entry.path) == std::string::npos || !IsAscii(entry.path)) records += PaxRecord("path", entry.path);
  if (entry.link.size() > kNameLength || !IsAscii(entry.link)) records += PaxRecord("linkpath", entry.link);
  if (entry.size > kMaxLong) records += PaxRecord("size", std::to_string(entry.size));
  if (entry.uid > kMaxShort) records += PaxRecord("uid", std::to_string(entry.uid));
  if (entry.gid > kMaxShort) records += PaxRecord("gid", std::to_string(entry.gid));
  if (entry.mtime.tv_nsec != 0 || entry.mtime.tv_sec < 0 || static_cast<uint64_t>(entry.mtime.tv_sec) > kMaxLong) {
    records += PaxRecord("mtime", PaxTime(entry.mtime));
  }
  for (const auto& [name, value] : entry.xattrs) records += PaxRecord("SCHILY.xattr." + name, value);
  return records;
}

struct Header {
  uint8_t bytes[kTarBlock] = {};

  void Text(size_t offset, size_t length, std::string_view text) {
    std::memcpy(bytes + offset, text.data(), std::min(length, text.size()));
  }
  void Octal(size_t offset, size_t length, uint64_t value) {
    for (size_t i = length - 1; i-- > 0; value >>= 3) bytes[offset + i] = static_cast<uint8_t>('0' + (value & 7));
  }
  void Checksum() {
    std::memset(bytes + 148, ' ', 8);
    uint64_t sum = 0;
    for (const uint8_t byte : bytes) sum += byte;
    Octal(148, 7, sum);
    bytes[154] = 0;
  }
};

uint64_t Fitting(uint64_t value, uint64_t max) { return value > max ? 0 : value; }

}  // namespace

Result<> TarWriter::AddBlockHeader(const TarEntry& entry, char type, const std::string& path, uint64_t size) {
  Header header;
  const size_t cut = PrefixCut(path);
  if (cut == 0 || cut == std::string::npos) {
    header.Text(0, kNameLength, path);
  } else {
    header.Text(0, kNameLength, std::string_view(path).substr(cut + 1));
    header.Text(345, kPrefixLength, std::string_view(path).substr(0, cut));
  }
  header.Octal(100, 8, entry.mode);
  header.Octal(108, 8, Fitting(entry.uid, kMaxShort));
  header.Octal(116, 8, Fitting(entry.gid, kMaxShort));
  header.Octal(124, 12, Fitting(size, kMaxLong));
  const uint64_t mtime = entry.mtime.tv_sec < 0 ? 0 : static_cast<uint64_t>(entry.mtime.tv_sec);
  header.Octal(136, 12, Fitting(mtime, kMaxLong));
  header.bytes[156] = static_cast<uint8_t>(type);
  if (type != 'x') header.Text(157, kNameLength, entry.link);
  header.Text(257, 8, std::string_view("ustar\00000", 8));
  header.Octal(329, 8, entry.device_major);
  header.Octal(337, 8, entry.device_minor);
  header.Checksum();
  return sink_(header.bytes);
}

Result<> TarWriter::AddHeader(const TarEntry& entry) {
  const std::string records = PaxRecordsOf(entry);
  if (!records.empty()) {
    TarEntry extension;
    extension.mode = 0644;
    auto added = AddBlockHeader(extension, 'x', "PaxHeaders/berth", records.size());
    if (!added) return added.failure();
    auto content = AddContent({reinterpret_cast<const uint8_t*>(records.data()), records.size()});
    if (!content) return content.failure();
    auto ended = EndContent();
    if (!ended) return ended.failure();
  }
  return AddBlockHeader(entry, TypeFlag(entry.type), entry.path, entry.type == EntryType::kFile ? entry.size : 0);
}

Result<> TarWriter::AddContent(std::span<const uint8_t> bytes) {
  content_ += bytes.size();
  return sink_(bytes);
}

Result<> TarWriter::EndContent() {
  static const uint8_t kZeros[kTarBlock] = {};
  const size_t padding = (kTarBlock - content_ % kTarBlock) % kTarBlock;
  content_ = 0;
  return sink_({kZeros, padding});
}

Result<> TarWriter::Finish() {
  static const uint8_t kEnd[2 * kTarBlock] = {};
  return sink_(kEnd);
}

}  // namespace berth
