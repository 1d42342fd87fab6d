#include "layers/layer_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include <set>

#include "core/confined_open.h"
#include "core/tree_removal.h"
#include "layers/entry_path.h"

namespace berth {

LayerWriter::LayerWriter(UniqueFd root, bool userxattr, const UnpackLimits& limits)
    : limits_(limits),
      metadata_(warnings_),
      markers_(userxattr),
      directories_(std::move(root), [this](const std::string& path, int fd, bool replaced_whiteout) -> Result<> {
        implied_.push_back({path, RealPath(fd)});
        if (replaced_whiteout) return markers_.ReplaceWhiteout(path, fd);
        return Unit{};
      }) {}

namespace {

std::string LinkOf(int fd) {
  char path[PATH_MAX];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<size_t>(length));
}

}  // namespace

// Where a directory of the layer is, without the symlinks that led there.
std::string LayerWriter::RealPath(int fd) const {
  const std::string root = LinkOf(directories_.root()) + "/";
  const std::string path = LinkOf(fd);
  return path.starts_with(root) ? path.substr(root.size()) : "";
}

Result<std::unique_ptr<LayerWriter>> LayerWriter::Open(const std::string& target, bool userxattr,
                                                       const UnpackLimits& limits) {
  auto root = OpenDirectory(target, "open the layer's directory");
  if (!root) return root.failure();
  return std::unique_ptr<LayerWriter>(new LayerWriter(std::move(root.value()), userxattr, limits));
}

Result<> LayerWriter::Add(const TarEntry& entry, TarReader& content) {
  if (++entries_ > limits_.max_entries) {
    return RuleFailure("LIMIT", "the layer has more than " + std::to_string(limits_.max_entries) + " entries");
  }
  auto clean = CleanEntryPath(entry.path, limits_.max_path_bytes);
  if (!clean) return clean.failure();
  auto marker = ReadMarker(clean.value());
  if (!marker) return marker.failure();
  switch (marker.value().kind) {
    case MarkerKind::kAufs:
      return Unit{};
    case MarkerKind::kOpaque:
      return markers_.AddOpaque(directories_, std::string(Split(clean.value()).parent));
    case MarkerKind::kWhiteout:
      return markers_.AddWhiteout(directories_, marker.value().hidden, entry.mtime);
    case MarkerKind::kNone:
      break;
  }
  if (clean.value().empty()) return AddRoot(entry);
  const auto [parent_path, base] = Split(clean.value());
  auto parent = directories_.OpenOrMake(parent_path);
  if (!parent) return parent.failure();
  const Place place{clean.value(), std::string(base), std::move(parent.value())};
  switch (entry.type) {
    case EntryType::kFile:
      return AddFile(place, entry, content);
    case EntryType::kDirectory:
      return AddDirectory(place, entry);
    case EntryType::kSymlink:
      return AddSymlink(place, entry);
    case EntryType::kHardLink:
      return AddHardLink(place, entry);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kFifo:
      break;
  }
  return AddSpecial(place, entry);
}

Result<> LayerWriter::AddRoot(const TarEntry& entry) {
  // CVE-2021-29136: the root must stay the directory that was opened.
  if (entry.type != EntryType::kDirectory) {
    return RuleFailure("LAYER_INVALID", "the layer's root is not a directory", entry.path);
  }
  root_described_ = true;
  return DescribeDirectory("", directories_.root(), entry);
}

Result<> LayerWriter::DescribeDirectory(const std::string& path, int fd, const TarEntry& entry) {
  auto applied = metadata_.ApplyToOpen(fd, entry, false);
  if (!applied) return applied.failure();
  struct stat status;
  if (fstat(fd, &status) != 0) return SystemFailure("look at a directory of the layer", "fstat", path);
  DirectoryTimes& times = directory_times_[path];
  times.inode = status.st_ino;
  EntryTimes(entry, times.times);
  return Unit{};
}

Result<bool> LayerWriter::RemoveExisting(const Place& place) {
  struct stat status;
  if (fstatat(place.fd(), place.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return SystemFailure("replace an entry of the layer", "fstatat", place.path);
  }
  if (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)) directories_.Forget();
  if (S_ISDIR(status.st_mode)) markers_.Forget(place.path);
  if (S_ISREG(status.st_mode)) content_size_ -= status.st_nlink == 1 ? static_cast<uint64_t>(status.st_size) : 0;
  auto removed = RemoveEntry(place.fd(), place.base);
  if (!removed) {
    removed.failure().path = place.path;
    return removed.failure();
  }
  return IsWhiteout(status);
}

Result<> LayerWriter::Finish() {
  auto finished = markers_.Finish(directories_);
  if (!finished) return finished.failure();
  for (const auto& [path, times] : directory_times_) {
    const UniqueFd fd(OpenInRoot(directories_.root(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat status;
    // Replaced by something else since: it has its own times.
    if (!fd || fstat(fd.get(), &status) != 0 || status.st_ino != times.inode) continue;
    if (futimens(fd.get(), times.times) != 0) return SystemFailure("set the times of a directory", "futimens", path);
  }
  return Unit{};
}

std::vector<std::string> LayerWriter::ImpliedDirectories() const {
  std::vector<std::string> directories;
  if (!root_described_) directories.push_back(".");
  std::set<std::string> seen;
  for (const auto& [written, path] : implied_) {
    if (directory_times_.contains(written) || directory_times_.contains(path)) continue;
    if (markers_.HidesLower(written) || markers_.HidesLower(path)) continue;
    struct stat status;
    const UniqueFd fd(OpenInRoot(directories_.root(), path.c_str(), O_PATH | O_NOFOLLOW));
    if (!fd || fstat(fd.get(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    if (seen.insert(path).second) directories.push_back(path);
  }
  return directories;
}

}  // namespace berth
