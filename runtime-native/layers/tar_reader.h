#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layers/byte_source.h"
#include "layers/pax_records.h"
#include "layers/tar_entry.h"
#include "layers/tar_header.h"

namespace berth {

// Reads a tar: ustar, PAX, GNU (long names, base-256 numbers, sparse files in all four forms). What it does not know it
// refuses: nothing is lost in silence.
class TarReader {
 public:
  explicit TarReader(ByteSource& source) : source_(source) {}

  // The next entry, passing over what was not read of the content before it. Nothing: the end of the archive.
  Result<std::optional<TarEntry>> Next();
  // The next piece of the entry's content (the runs of a sparse file, one after the other); empty: all of it was handed
  // out. Valid until the next call.
  Result<std::span<const uint8_t>> ReadContent();
  // Reads on to the end of the stream: bytes after the archive belong to its digest.
  Result<> Drain();

 private:
  struct Extensions {
    std::optional<std::string> gnu_path;
    std::optional<std::string> gnu_link;
    PaxRecords pax;
  };

  Result<bool> ReadBlock();
  Result<> SkipContent();
  Result<std::string> ReadExtension(uint64_t size);
  Result<bool> TakeExtension(const TarHeader& header, Extensions& extensions);
  Result<TarEntry> Compose(const TarHeader& header, Extensions& extensions);
  Result<> ReadSparse(const TarHeader& header, const Extensions& extensions, TarEntry& entry);
  Result<std::vector<SparseRun>> ReadOldGnuMap(const std::string& path, uint64_t& real_size);
  Result<std::vector<SparseRun>> ReadPaxMap(const std::string& path);

  ByteSource& source_;
  PaxRecords global_;
  uint8_t block_[kTarBlock] = {};
  uint64_t content_left_ = 0;
  uint64_t padding_ = 0;
  size_t peeked_ = 0;
};

}  // namespace berth
