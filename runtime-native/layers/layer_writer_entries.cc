// How each type of entry becomes a file.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/confined_open.h"
#include "layers/entry_path.h"
#include "layers/layer_writer.h"

namespace berth {

namespace {

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("write an entry of the layer", syscall, path);
}

Result<> WriteAll(int fd, std::span<const uint8_t> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("write", path);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Unit{};
}

}  // namespace

Result<> LayerWriter::AddFile(const Place& place, const TarEntry& entry, TarReader& content) {
  content_size_ += entry.size;
  if (entry.size > limits_.max_uncompressed_bytes || content_size_ > limits_.max_uncompressed_bytes) {
    return RuleFailure("LIMIT",
                       "the layer's files are larger than " + std::to_string(limits_.max_uncompressed_bytes) + " bytes",
                       place.path);
  }
  // Never opens what is there already: not a link, not a FIFO or a device.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(openat(place.fd(), place.base.c_str(), kFlags, 0600));
  if (!fd && errno == EEXIST) {
    auto removed = RemoveExisting(place);
    if (!removed) return removed.failure();
    fd.reset(openat(place.fd(), place.base.c_str(), kFlags, 0600));
  }
  if (!fd) return Failed("openat", place.path);
  auto written = WriteContent(fd.get(), entry, content);
  if (!written) return written.failure();
  return metadata_.ApplyToOpen(fd.get(), entry, true);
}

Result<> LayerWriter::WriteContent(int fd, const TarEntry& entry, TarReader& content) {
  size_t run = 0;
  uint64_t done_of_run = 0;
  if (entry.sparse && ftruncate(fd, static_cast<off_t>(entry.size)) != 0) return Failed("ftruncate", entry.path);
  for (;;) {
    auto piece = content.ReadContent();
    if (!piece) return piece.failure();
    auto bytes = piece.value();
    if (bytes.empty()) return Unit{};
    while (!bytes.empty()) {
      auto part = bytes;
      if (entry.sparse) {
        // The reader has checked that the runs add up to the content.
        const SparseRun& current = (*entry.sparse)[run];
        part = bytes.first(std::min<uint64_t>(bytes.size(), current.length - done_of_run));
        if (done_of_run == 0 && lseek(fd, static_cast<off_t>(current.offset), SEEK_SET) < 0) {
          return Failed("lseek", entry.path);
        }
        done_of_run += part.size();
        if (done_of_run == current.length) {
          run++;
          done_of_run = 0;
        }
      }
      auto written = WriteAll(fd, part, entry.path);
      if (!written) return written.failure();
      bytes = bytes.subspan(part.size());
    }
  }
}

Result<> LayerWriter::AddDirectory(const Place& place, const TarEntry& entry) {
  bool replaced_whiteout = false;
  if (mkdirat(place.fd(), place.base.c_str(), 0700) != 0) {
    if (errno != EEXIST) return Failed("mkdirat", place.path);
    struct stat status;
    if (fstatat(place.fd(), place.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return Failed("fstatat", place.path);
    if (!S_ISDIR(status.st_mode)) {
      auto removed = RemoveExisting(place);
      if (!removed) return removed.failure();
      replaced_whiteout = removed.value();
      if (mkdirat(place.fd(), place.base.c_str(), 0700) != 0) return Failed("mkdirat", place.path);
    }
  }
  UniqueFd fd(openat(place.fd(), place.base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Failed("openat", place.path);
  if (replaced_whiteout) {
    auto marked = markers_.ReplaceWhiteout(place.path, fd.get());
    if (!marked) return marked.failure();
  }
  auto described = DescribeDirectory(place.path, fd.get(), entry);
  if (!described) return described.failure();
  directories_.Keep(place.path, std::move(fd));
  return Unit{};
}

Result<> LayerWriter::AddSymlink(const Place& place, const TarEntry& entry) {
  if (entry.link.empty() || entry.link.size() >= PATH_MAX) {
    return RuleFailure("LAYER_INVALID", "a symlink in the layer has no target or too long a one", place.path);
  }
  if (symlinkat(entry.link.c_str(), place.fd(), place.base.c_str()) != 0) {
    if (errno != EEXIST) return Failed("symlinkat", place.path);
    auto removed = RemoveExisting(place);
    if (!removed) return removed.failure();
    if (symlinkat(entry.link.c_str(), place.fd(), place.base.c_str()) != 0) return Failed("symlinkat", place.path);
  }
  return metadata_.ApplyToName(place.fd(), place.base, entry);
}

// The link shares the inode of its target, and with it all metadata: what its own header says is not applied.
Result<> LayerWriter::AddHardLink(const Place& place, const TarEntry& entry) {
  const auto refuse = [&](const char* why) {
    return RuleFailure("LAYER_INVALID", "a hard link in the layer to " + entry.link + " " + why, place.path);
  };
  auto target_path = CleanEntryPath(entry.link, limits_.max_path_bytes);
  if (!target_path) return target_path.failure();
  if (target_path.value().empty()) return refuse("names no file");
  const auto [target_parent, target_base_view] = Split(target_path.value());
  const std::string target_base(target_base_view);
  auto target = directories_.Open(target_parent);
  struct stat target_status;
  if (!target || fstatat(target.value()->get(), target_base.c_str(), &target_status, AT_SYMLINK_NOFOLLOW) != 0) {
    return refuse("which is not in the layer before it");
  }
  if (S_ISDIR(target_status.st_mode) || IsWhiteout(target_status)) return refuse("which is not a file");
  const auto link = [&] {
    return linkat(target.value()->get(), target_base.c_str(), place.fd(), place.base.c_str(), 0);
  };
  if (link() == 0) return Unit{};
  if (errno != EEXIST) return Failed("linkat", place.path);
  struct stat status;
  if (fstatat(place.fd(), place.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Failed("fstatat", place.path);
  if (status.st_ino == target_status.st_ino) return Unit{};
  auto removed = RemoveExisting(place);
  if (!removed) return removed.failure();
  if (link() == 0) return Unit{};
  return errno == ENOENT ? Result<>(refuse("which it replaces")) : Result<>(Failed("linkat", place.path));
}

Result<> LayerWriter::AddSpecial(const Place& place, const TarEntry& entry) {
  const mode_t type = entry.type == EntryType::kFifo         ? S_IFIFO
                      : entry.type == EntryType::kCharDevice ? S_IFCHR
                                                             : S_IFBLK;
  const dev_t device = type == S_IFIFO ? 0 : makedev(entry.device_major, entry.device_minor);
  if (type == S_IFCHR && device == makedev(0, 0) && !std::exchange(warned_whiteout_device_, true)) {
    warnings_.push_back("a character device 0:0 in the layer acts as a whiteout: " + place.path);
  }
  if (mknodat(place.fd(), place.base.c_str(), type | 0600, device) != 0) {
    if (errno != EEXIST) return Failed("mknodat", place.path);
    auto removed = RemoveExisting(place);
    if (!removed) return removed.failure();
    if (mknodat(place.fd(), place.base.c_str(), type | 0600, device) != 0) return Failed("mknodat", place.path);
  }
  return metadata_.ApplyToName(place.fd(), place.base, entry);
}

}  // namespace berth
