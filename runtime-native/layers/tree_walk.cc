#include "layers/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/confined_open.h"

namespace berth {

namespace {

constexpr size_t kReadSize = 256 * 1024;

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("read the tree to be packed", syscall, path);
}

std::string Join(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "/" + name;
}

std::string ProcPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<std::vector<std::string>> SortedNames(int fd, const std::string& path) {
  UniqueFd own(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return Failed("openat", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(own.get()), closedir);
  if (!directory) return Failed("fdopendir", path);
  static_cast<void>(own.release());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) return Failed("readdir", path);
    if (entry == nullptr) break;
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

TarEntry EntryOf(const struct stat& status, std::string path) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim;
  return entry;
}

}  // namespace

TreeWalk::TreeWalk(Visitor visitor, bool overlay_whiteouts)
    : visitor_(std::move(visitor)), overlay_whiteouts_(overlay_whiteouts), buffer_(kReadSize) {}

Result<> TreeWalk::Walk(const std::string& source) {
  auto root = OpenDirectory(source, "read the tree to be packed");
  if (!root) return root.failure();
  struct stat status;
  if (fstat(root.value().get(), &status) != 0) return Failed("fstat", source);
  device_ = status.st_dev;
  auto entered = Enter(std::move(root.value()), "", status);
  if (!entered) return entered.failure();
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    const std::string name = level.names[level.next++];
    auto visited = Visit(level, name);
    if (!visited) return visited.failure();
  }
  return Unit{};
}

Result<> TreeWalk::Enter(UniqueFd fd, const std::string& path, const struct stat& status) {
  TarEntry entry = EntryOf(status, path.empty() ? "./" : path + "/");
  entry.type = EntryType::kDirectory;
  auto opaque = ReadXattrs(ProcPath(fd.get()), entry);
  if (!opaque) return opaque.failure();
  auto visited = visitor_.entry(entry);
  if (!visited) return visited.failure();
  if (opaque.value()) {
    auto marked = VisitWhiteout(entry, path, ".wh..opq");
    if (!marked) return marked.failure();
  }
  // Mounted here by somebody else: only the mount point belongs to the tree.
  if (status.st_dev != device_) return Unit{};
  auto names = SortedNames(fd.get(), path);
  if (!names) return names.failure();
  levels_.push_back({std::move(fd), path, std::move(names.value())});
  return Unit{};
}

// `.wh.` and `name`, an empty file with the owner and time of `entry`.
Result<> TreeWalk::VisitWhiteout(const TarEntry& entry, const std::string& parent, const std::string& name) {
  TarEntry marker;
  marker.path = Join(parent, ".wh." + name);
  marker.mtime = entry.mtime;
  return visitor_.entry(marker);
}

Result<> TreeWalk::Visit(const Level& level, const std::string& name) {
  const std::string path = Join(level.path, name);
  if (path.size() >= PATH_MAX) return SystemFailure("read the tree to be packed", "", path, ENAMETOOLONG);
  if (name.starts_with(".wh.")) {
    return RuleFailure("LAYER_INVALID", "a name that starts with .wh. would be a whiteout in a layer", path);
  }
  const int parent = level.fd.get();
  struct stat status;
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    // Removed since the directory was read: the tree of a running container does not stand still.
    return errno == ENOENT ? Result<>(Unit{}) : Failed("fstatat", path);
  }
  if (S_ISDIR(status.st_mode)) {
    UniqueFd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT) return Unit{};
    if (!fd || fstat(fd.get(), &status) != 0) return Failed("openat", path);
    return Enter(std::move(fd), path, status);
  }
  // A tar has no sockets; one without its server is of no use anyway.
  if (S_ISSOCK(status.st_mode)) return Unit{};
  TarEntry entry = EntryOf(status, path);
  if (overlay_whiteouts_ && IsWhiteout(status)) return VisitWhiteout(entry, level.path, name);
  if (status.st_nlink > 1) {
    const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_first) {
      entry.type = EntryType::kHardLink;
      entry.link = first->second;
      return visitor_.entry(entry);
    }
  }
  if (S_ISREG(status.st_mode)) return VisitFile(level, name, std::move(entry), status);
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(parent, name.c_str(), target, sizeof target);
    if (length < 0 && errno == ENOENT) return Unit{};
    if (length < 0) return Failed("readlinkat", path);
    entry.type = EntryType::kSymlink;
    entry.link.assign(target, static_cast<size_t>(length));
  } else {
    entry.type = S_ISCHR(status.st_mode)   ? EntryType::kCharDevice
                 : S_ISBLK(status.st_mode) ? EntryType::kBlockDevice
                                           : EntryType::kFifo;
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  auto read = ReadXattrs(ProcPath(parent) + "/" + name, entry);
  if (!read) return read.failure();
  return visitor_.entry(entry);
}

Result<> TreeWalk::VisitFile(const Level& level, const std::string& name, TarEntry entry, const struct stat& status) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(openat(level.fd.get(), name.c_str(), kFlags | O_NOATIME));
  // O_NOATIME is for owners only.
  if (!fd && errno == EPERM) fd.reset(openat(level.fd.get(), name.c_str(), kFlags));
  if (!fd && errno == ENOENT) {
    linked_.erase({status.st_dev, status.st_ino});
    return Unit{};
  }
  struct stat opened;
  if (!fd || fstat(fd.get(), &opened) != 0) return Failed("openat", entry.path);
  if (!S_ISREG(opened.st_mode) || opened.st_ino != status.st_ino) {
    return RuleFailure("CHANGED", "a file was replaced while it was packed", entry.path);
  }
  entry.size = static_cast<uint64_t>(opened.st_size);
  auto read = ReadXattrs(ProcPath(fd.get()), entry);
  if (!read) return read.failure();
  auto visited = visitor_.entry(entry);
  if (!visited) return visited.failure();
  // A file that grows meanwhile is packed as long as it was.
  for (uint64_t left = entry.size; left > 0;) {
    const ssize_t count = ::read(fd.get(), buffer_.data(), std::min<uint64_t>(left, buffer_.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read", entry.path);
    if (count == 0) return RuleFailure("CHANGED", "a file became shorter while it was packed", entry.path);
    auto taken = visitor_.content({buffer_.data(), static_cast<size_t>(count)});
    if (!taken) return taken.failure();
    left -= static_cast<uint64_t>(count);
  }
  return visitor_.content_end();
}

}  // namespace berth
