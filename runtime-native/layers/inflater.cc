#include "layers/inflater.h"

namespace berth {

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kNone:
      break;
  }
  return "none";
}

Compression DetectCompression(std::span<const uint8_t> first) {
  if (first.size() < 4) return Compression::kNone;
  if (first[0] == 0x1f && first[1] == 0x8b) return Compression::kGzip;
  if (first[0] == 0x28 && first[1] == 0xb5 && first[2] == 0x2f && first[3] == 0xfd) return Compression::kZstd;
  // zstd skippable frames (RFC 8878, 3.1.2): zstd:chunked and stargz-like streams may begin with one.
  if ((first[0] & 0xf0) == 0x50 && first[1] == 0x2a && first[2] == 0x4d && first[3] == 0x18) return Compression::kZstd;
  return Compression::kNone;
}

std::unique_ptr<Inflater> Inflater::Make(Compression compression) {
  if (compression == Compression::kZstd) return MakeZstdInflater();
  auto fast = MakeIsalInflater();
  return fast ? std::move(fast) : MakeZlibInflater();
}

}  // namespace berth
