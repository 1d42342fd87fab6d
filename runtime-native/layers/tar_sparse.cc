// The sparse files of GNU tar: the old form ('S'), and PAX 0.0, 0.1 and 1.0 ("Storing Sparse Files" in its manual).
#include <algorithm>
#include <cstring>

#include "layers/tar_reader.h"

namespace berth {

namespace {

constexpr size_t kMaxRuns = 1024 * 1024;
constexpr size_t kRunField = 12;
constexpr size_t kHeaderRuns = 386, kHeaderExtended = 482, kHeaderRealSize = 483;
constexpr size_t kBlockExtended = 504;

Failure BadMap(const std::string& path) {
  return RuleFailure("LAYER_INVALID", "malformed map of a sparse file in the tar", path);
}

// Appends up to `count` pairs; false: malformed. A pair of empty fields ends the list.
bool AppendRuns(const uint8_t* fields, size_t count, std::vector<SparseRun>& runs) {
  for (size_t i = 0; i < count; i++, fields += 2 * kRunField) {
    if (fields[0] == 0 && fields[kRunField] == 0) return true;
    const auto offset = ParseTarNumber({fields, kRunField});
    const auto length = ParseTarNumber({fields + kRunField, kRunField});
    if (!offset || !length || *offset < 0 || *length < 0) return false;
    runs.push_back({static_cast<uint64_t>(*offset), static_cast<uint64_t>(*length)});
  }
  return true;
}

bool RunsAreSound(const std::vector<SparseRun>& runs, uint64_t real_size, uint64_t stored) {
  uint64_t end = 0;
  uint64_t sum = 0;
  for (const auto& run : runs) {
    if (run.offset < end || run.offset > real_size || run.length > real_size - run.offset) return false;
    end = run.offset + run.length;
    sum += run.length;
  }
  return sum == stored;
}

}  // namespace

Result<> TarReader::ReadSparse(const TarHeader& header, const Extensions& extensions, TarEntry& entry) {
  const PaxRecords& pax = extensions.pax;
  uint64_t real_size = pax.sparse_size.value_or(entry.size);
  std::vector<SparseRun> runs;
  if (header.type == 'S') {
    auto map = ReadOldGnuMap(entry.path, real_size);
    if (!map) return map.failure();
    runs = std::move(map.value());
  } else if (pax.sparse_major) {
    if (*pax.sparse_major != 1) {
      return RuleFailure("LAYER_INVALID", "a sparse file in the tar has an unknown format", entry.path);
    }
    auto map = ReadPaxMap(entry.path);
    if (!map) return map.failure();
    runs = std::move(map.value());
  } else if (pax.sparse_runs) {
    runs = *pax.sparse_runs;
  } else {
    return BadMap(entry.path);
  }
  if (real_size > INT64_MAX || !RunsAreSound(runs, real_size, content_left_ + peeked_)) return BadMap(entry.path);
  entry.size = real_size;
  std::erase_if(runs, [](const SparseRun& run) { return run.length == 0; });
  entry.sparse = std::move(runs);
  return Unit{};
}

// The first four runs are in the header, more in blocks between it and the content.
Result<std::vector<SparseRun>> TarReader::ReadOldGnuMap(const std::string& path, uint64_t& real_size) {
  const auto size = ParseTarNumber({block_ + kHeaderRealSize, kRunField});
  std::vector<SparseRun> runs;
  if (!size || *size < 0 || !AppendRuns(block_ + kHeaderRuns, 4, runs)) return BadMap(path);
  real_size = static_cast<uint64_t>(*size);
  bool extended = block_[kHeaderExtended] != 0;
  while (extended) {
    auto read = ReadBlock();
    if (!read) return read.failure();
    if (!read.value() || runs.size() > kMaxRuns || !AppendRuns(block_, 21, runs)) return BadMap(path);
    extended = block_[kBlockExtended] != 0;
  }
  return runs;
}

// Decimal numbers, one a line, at the beginning of the content, padded to whole blocks: how many runs, then each run's
// offset and length.
Result<std::vector<SparseRun>> TarReader::ReadPaxMap(const std::string& path) {
  std::vector<SparseRun> runs;
  std::optional<uint64_t> count;
  std::optional<uint64_t> offset;
  std::string line;
  while (!count || runs.size() < *count) {
    if (content_left_ < kTarBlock) return BadMap(path);
    auto read = ReadBlock();
    if (!read) return read.failure();
    if (!read.value()) return BadMap(path);
    content_left_ -= kTarBlock;
    for (size_t i = 0; i < kTarBlock && (!count || runs.size() < *count); i++) {
      if (block_[i] != '\n') {
        line += static_cast<char>(block_[i]);
        if (line.size() > 20) return BadMap(path);
        continue;
      }
      const auto number = ParseDecimal(line);
      line.clear();
      if (!number) return BadMap(path);
      if (!count) {
        count = number;
        if (*count > kMaxRuns) return BadMap(path);
      } else if (!offset) {
        offset = number;
      } else {
        runs.push_back({*std::exchange(offset, std::nullopt), *number});
      }
    }
  }
  return runs;
}

}  // namespace berth
