#include "layers/pax_records.h"

#include <charconv>

namespace berth {

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

// More than a kernel lists for one file (XATTR_LIST_MAX, 64 KiB of names).
constexpr size_t kMaxXattrs = 4096;

Failure Malformed(std::string_view key) {
  return RuleFailure("LAYER_INVALID", "malformed PAX record " + std::string(key));
}

// "[-]seconds[.fraction]"; digits after the ninth are cut off.
std::optional<timespec> ParseTime(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const auto seconds = ParseDecimal(text.substr(0, point));
  if (!seconds || *seconds > (1ULL << 56)) return std::nullopt;
  long nanoseconds = 0;
  if (point != std::string_view::npos) {
    long unit = 100'000'000;
    for (const char digit : text.substr(point + 1)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      nanoseconds += (digit - '0') * unit;
      unit /= 10;
    }
  }
  auto whole = static_cast<time_t>(*seconds);
  if (!negative) return timespec{whole, nanoseconds};
  // -1.25 is 0.75 after -2.
  if (nanoseconds == 0) return timespec{-whole, 0};
  return timespec{-whole - 1, 1'000'000'000 - nanoseconds};
}

std::optional<int64_t> ParseId(std::string_view text) {
  const auto id = ParseDecimal(text);
  if (!id || *id > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(*id);
}

// "offset,length,offset,length,..."
std::optional<std::vector<SparseRun>> ParseSparseMap(std::string_view text) {
  std::vector<SparseRun> runs;
  std::vector<uint64_t> numbers;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const auto number = ParseDecimal(text.substr(0, comma));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  if (numbers.size() % 2 != 0) return std::nullopt;
  for (size_t i = 0; i < numbers.size(); i += 2) runs.push_back({numbers[i], numbers[i + 1]});
  return runs;
}

// Whether `value` was understood.
bool TakeSparse(std::string_view key, std::string_view value, PaxRecords& records) {
  if (key == "major") return (records.sparse_major = ParseDecimal(value)).has_value();
  if (key == "name") return records.sparse_name.emplace(value), true;
  if (key == "size" || key == "realsize") return (records.sparse_size = ParseDecimal(value)).has_value();
  if (key == "map") return (records.sparse_runs = ParseSparseMap(value)).has_value();
  if (key == "offset") {
    const auto offset = ParseDecimal(value);
    if (!records.sparse_runs) records.sparse_runs.emplace();
    if (offset) records.sparse_runs->push_back({*offset, 0});
    return offset.has_value();
  }
  if (key == "numbytes") {
    const auto length = ParseDecimal(value);
    if (!length || !records.sparse_runs || records.sparse_runs->empty()) return false;
    records.sparse_runs->back().length = *length;
  }
  return true;
}

bool Take(std::string_view key, std::string_view value, PaxRecords& records) {
  if (key == "path") return records.path.emplace(value), true;
  if (key == "linkpath") return records.link.emplace(value), true;
  if (key == "size") return (records.size = ParseDecimal(value)).has_value();
  if (key == "uid") return (records.uid = ParseId(value)).has_value();
  if (key == "gid") return (records.gid = ParseId(value)).has_value();
  if (key == "mtime") return (records.mtime = ParseTime(value)).has_value();
  if (key == "atime") return (records.atime = ParseTime(value)).has_value();
  if (key.starts_with("GNU.sparse.")) return TakeSparse(key.substr(11), value, records);
  if (key.starts_with(kXattrPrefix)) {
    const std::string name(key.substr(kXattrPrefix.size()));
    if (name.empty() || name.find('\0') != std::string::npos || records.xattrs.size() >= kMaxXattrs) return false;
    std::erase_if(records.xattrs, [&](const auto& xattr) { return xattr.first == name; });
    records.xattrs.emplace_back(name, value);
  }
  return true;
}

}  // namespace

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<> ParsePaxRecords(std::string_view data, PaxRecords& records) {
  while (!data.empty()) {
    // "length key=value\n", the length counting itself.
    const size_t space = data.find(' ');
    const auto length = space == std::string_view::npos ? std::nullopt : ParseDecimal(data.substr(0, space));
    if (!length || *length > data.size() || *length < space + 3 || data[*length - 1] != '\n')
      return Malformed("length");
    const auto record = data.substr(space + 1, *length - space - 2);
    data.remove_prefix(*length);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return Malformed("without a key");
    const auto key = record.substr(0, equals);
    // An empty value takes back what a global header or an earlier record said; berth keeps the ustar field then.
    const auto value = record.substr(equals + 1);
    if (value.empty() && !key.starts_with(kXattrPrefix)) continue;
    if (!Take(key, value, records)) return Malformed(key);
  }
  return Unit{};
}

}  // namespace berth
