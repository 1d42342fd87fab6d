#include "layers/tar_reader.h"

#include <algorithm>
#include <cstring>

namespace berth {

namespace {

// Go's archive/tar has the same bound, so no image that other engines read goes beyond it.
constexpr uint64_t kMaxExtension = 1024 * 1024;

Failure Truncated() { return RuleFailure("LAYER_INVALID", "the tar ends in the middle of an entry"); }

uint64_t PaddingOf(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

std::string UpToNul(std::string text) {
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

bool HasContent(char type) { return type == '0' || type == '\0' || type == '7' || type == 'S'; }

std::optional<EntryType> TypeOf(const TarHeader& header, const std::string& path) {
  switch (header.type) {
    case '\0':
      // Before ustar a directory was a file whose name ends in a slash.
      return path.ends_with('/') ? EntryType::kDirectory : EntryType::kFile;
    case '0':
    case '7':
    case 'S':
      return EntryType::kFile;
    case '1':
      return EntryType::kHardLink;
    case '2':
      return EntryType::kSymlink;
    case '3':
      return EntryType::kCharDevice;
    case '4':
      return EntryType::kBlockDevice;
    case '5':
      return EntryType::kDirectory;
    case '6':
      return EntryType::kFifo;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<bool> TarReader::ReadBlock() {
  size_t have = 0;
  while (have < kTarBlock) {
    auto bytes = source_.Peek();
    if (!bytes) return bytes.failure();
    if (bytes.value().empty()) {
      if (have == 0) return false;
      return Truncated();
    }
    const size_t count = std::min(bytes.value().size(), kTarBlock - have);
    std::memcpy(block_ + have, bytes.value().data(), count);
    source_.Skip(count);
    have += count;
  }
  return true;
}

Result<std::span<const uint8_t>> TarReader::ReadContent() {
  source_.Skip(std::exchange(peeked_, 0));
  if (content_left_ == 0) return std::span<const uint8_t>();
  auto bytes = source_.Peek();
  if (!bytes) return bytes.failure();
  if (bytes.value().empty()) return Truncated();
  const auto piece = bytes.value().first(std::min<uint64_t>(bytes.value().size(), content_left_));
  peeked_ = piece.size();
  content_left_ -= piece.size();
  return piece;
}

Result<> TarReader::SkipContent() {
  content_left_ += std::exchange(padding_, 0);
  for (;;) {
    auto piece = ReadContent();
    if (!piece) return piece.failure();
    if (piece.value().empty()) return Unit{};
  }
}

Result<> TarReader::Drain() {
  for (;;) {
    auto bytes = source_.Peek();
    if (!bytes) return bytes.failure();
    if (bytes.value().empty()) return Unit{};
    source_.Skip(bytes.value().size());
  }
}

Result<std::string> TarReader::ReadExtension(uint64_t size) {
  if (size > kMaxExtension) return RuleFailure("LAYER_INVALID", "a header extension in the tar is larger than 1 MiB");
  std::string text;
  text.reserve(size);
  content_left_ = size;
  padding_ = PaddingOf(size);
  while (content_left_ > 0 || peeked_ > 0) {
    auto piece = ReadContent();
    if (!piece) return piece.failure();
    text.append(piece.value().begin(), piece.value().end());
  }
  auto skipped = SkipContent();
  if (!skipped) return skipped.failure();
  return text;
}

Result<bool> TarReader::TakeExtension(const TarHeader& header, Extensions& extensions) {
  const bool known = std::strchr("xXgLK", header.type) != nullptr && header.type != '\0';
  if (!known) return false;
  auto text = ReadExtension(static_cast<uint64_t>(header.size));
  if (!text) return text.failure();
  switch (header.type) {
    case 'L':
      extensions.gnu_path = UpToNul(std::move(text.value()));
      return true;
    case 'K':
      extensions.gnu_link = UpToNul(std::move(text.value()));
      return true;
    case 'g': {
      auto parsed = ParsePaxRecords(text.value(), global_);
      if (!parsed) return parsed.failure();
      if (global_.path || global_.link || global_.size || global_.sparse_size || global_.sparse_runs ||
          global_.sparse_major || global_.sparse_name) {
        // Readers disagree on what a name or size for every entry means: an image must not look different to each.
        return RuleFailure("LAYER_INVALID", "a global PAX header in the tar sets a path or a size");
      }
      return true;
    }
    default: {
      auto parsed = ParsePaxRecords(text.value(), extensions.pax);
      if (!parsed) return parsed.failure();
      return true;
    }
  }
}

Result<std::optional<TarEntry>> TarReader::Next() {
  auto skipped = SkipContent();
  if (!skipped) return skipped.failure();
  Extensions extensions;
  bool extended = false;
  uint64_t extension_bytes = 0;
  for (;;) {
    auto read = ReadBlock();
    if (!read) return read.failure();
    if (!read.value() || IsZeroBlock(block_)) {
      if (extended) return Truncated();
      return std::optional<TarEntry>();
    }
    auto header = ParseTarHeader(block_);
    if (!header) return header.failure();
    if (extension_bytes > kMaxExtension) {
      return RuleFailure("LAYER_INVALID", "the header extensions of an entry in the tar are larger than 1 MiB");
    }
    auto taken = TakeExtension(header.value(), extensions);
    if (!taken) return taken.failure();
    if (taken.value()) {
      extended = header.value().type != 'g' || extended;
      extension_bytes += kTarBlock + static_cast<uint64_t>(header.value().size);
      continue;
    }
    auto entry = Compose(header.value(), extensions);
    if (!entry) return entry.failure();
    return std::optional<TarEntry>(std::move(entry.value()));
  }
}

Result<TarEntry> TarReader::Compose(const TarHeader& header, Extensions& extensions) {
  PaxRecords& pax = extensions.pax;
  TarEntry entry;
  entry.path = pax.path ? *pax.path : extensions.gnu_path.value_or(header.path);
  entry.link = pax.link ? *pax.link : extensions.gnu_link.value_or(header.link);
  if (pax.sparse_name) entry.path = *pax.sparse_name;
  const auto type = TypeOf(header, entry.path);
  if (!type) {
    return RuleFailure("LAYER_INVALID", "unknown entry type " + std::to_string(header.type) + " in the tar",
                       entry.path);
  }
  entry.type = *type;
  if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos) {
    return RuleFailure("LAYER_INVALID", "a name in the tar contains a NUL byte", entry.path.c_str());
  }
  entry.mode = static_cast<uint32_t>(header.mode) & 07777;
  const int64_t uid = pax.uid ? *pax.uid : global_.uid.value_or(header.uid);
  const int64_t gid = pax.gid ? *pax.gid : global_.gid.value_or(header.gid);
  // (uid_t)-1 means "leave as it is" to chown(2), so it cannot be given to a file.
  if (uid < 0 || uid >= 0xffffffff || gid < 0 || gid >= 0xffffffff) {
    return RuleFailure("LAYER_INVALID", "an owner in the tar is out of range", entry.path);
  }
  entry.uid = static_cast<uint32_t>(uid);
  entry.gid = static_cast<uint32_t>(gid);
  entry.mtime = pax.mtime ? *pax.mtime : global_.mtime.value_or(timespec{header.mtime, 0});
  entry.atime = pax.atime ? pax.atime : global_.atime;
  if (header.device_major < 0 || header.device_major > 0xfff || header.device_minor < 0 ||
      header.device_minor > 0xfffff) {
    return RuleFailure("LAYER_INVALID", "a device number in the tar is out of range", entry.path);
  }
  entry.device_major = static_cast<uint32_t>(header.device_major);
  entry.device_minor = static_cast<uint32_t>(header.device_minor);
  entry.xattrs = std::move(pax.xattrs);
  for (const auto& xattr : global_.xattrs) {
    const auto same = [&](const auto& own) { return own.first == xattr.first; };
    if (std::none_of(entry.xattrs.begin(), entry.xattrs.end(), same)) entry.xattrs.push_back(xattr);
  }
  // Links, directories and devices have no content, whatever their size field says (as in every reader since V7).
  const uint64_t stored = pax.size.value_or(static_cast<uint64_t>(header.size));
  if (stored > INT64_MAX) return RuleFailure("LAYER_INVALID", "a size in the tar is out of range", entry.path);
  content_left_ = HasContent(header.type) ? stored : 0;
  padding_ = PaddingOf(content_left_);
  entry.size = content_left_;
  const bool sparse = header.type == 'S' || pax.sparse_major || pax.sparse_runs || pax.sparse_size;
  if (sparse && entry.type == EntryType::kFile) {
    auto read = ReadSparse(header, extensions, entry);
    if (!read) return read.failure();
  }
  return entry;
}

}  // namespace berth
