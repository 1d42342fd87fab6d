#include "core/tree_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/confined_open.h"
#include "core/unique_fd.h"

namespace berth {

namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// A directory being emptied, and what it is called in the one above.
struct Level {
  Directory directory;
  std::string name;
};

Failure Failed(const char* syscall, const std::string& name) { return SystemFailure("remove a tree", syscall, name); }

Result<Level> Enter(int parent, const std::string& name, dev_t device) {
  UniqueFd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Failed("openat", name);
  struct stat status;
  if (fstat(fd.get(), &status) != 0) return Failed("fstat", name);
  if (status.st_dev != device) return SystemFailure("remove a tree", "fstat", name, EXDEV);
  Directory directory(fdopendir(fd.get()));
  if (!directory) return Failed("fdopendir", name);
  static_cast<void>(fd.release());
  return Level{std::move(directory), name};
}

// Unlinks what is no directory. True: it is one.
Result<bool> UnlinkOrDirectory(int parent, const char* name, unsigned char type) {
  if (type != DT_DIR) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return false;
    if (errno != EISDIR) return Failed("unlinkat", name);
  }
  return true;
}

// A container can make a tree deeper than any limit on open descriptors: what is deeper than this is first moved up to
// the top of the tree.
constexpr size_t kMaxDepth = 100;

Result<> MoveUp(int parent, const char* name, int top, unsigned& moved) {
  for (;;) {
    const std::string target = ".berth-removal-" + std::to_string(moved++);
    if (renameat2(parent, name, top, target.c_str(), RENAME_NOREPLACE) == 0 || errno == ENOENT) return Unit{};
    if (errno != EEXIST) return Failed("renameat2", name);
  }
}

Result<> Empty(Level first, dev_t device) {
  std::vector<Level> levels;
  levels.push_back(std::move(first));
  unsigned moved = 0;
  unsigned moved_seen = 0;
  while (!levels.empty()) {
    Level& level = levels.back();
    const int fd = dirfd(level.directory.get());
    errno = 0;
    const dirent* entry = readdir(level.directory.get());
    if (entry == nullptr) {
      if (errno != 0) return Failed("readdir", level.name);
      if (levels.size() == 1 && moved != moved_seen) {
        moved_seen = moved;
        rewinddir(level.directory.get());
        continue;
      }
      const std::string name = std::move(level.name);
      levels.pop_back();
      if (levels.empty()) return Unit{};
      const int parent = dirfd(levels.back().directory.get());
      if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return Failed("unlinkat", name);
      continue;
    }
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    auto is_directory = UnlinkOrDirectory(fd, entry->d_name, entry->d_type);
    if (!is_directory) return is_directory.failure();
    if (!is_directory.value()) continue;
    if (levels.size() >= kMaxDepth) {
      auto moved_up = MoveUp(fd, entry->d_name, dirfd(levels.front().directory.get()), moved);
      if (!moved_up) return moved_up.failure();
      continue;
    }
    auto entered = Enter(fd, entry->d_name, device);
    if (!entered && entered.failure().errno_value == ENOENT) continue;
    if (!entered) return entered.failure();
    levels.push_back(std::move(entered.value()));
  }
  return Unit{};
}

}  // namespace

Result<> RemoveEntry(int parent, const std::string& name) {
  struct stat status;
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Unit{};
    return Failed("fstatat", name);
  }
  if (S_ISDIR(status.st_mode)) {
    auto entered = Enter(parent, name, status.st_dev);
    if (!entered) return entered.failure();
    auto emptied = Empty(std::move(entered.value()), status.st_dev);
    if (!emptied) return emptied.failure();
  }
  if (unlinkat(parent, name.c_str(), S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
    return Failed("unlinkat", name);
  }
  return Unit{};
}

Result<> RemoveTree(const std::string& path) {
  const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  const size_t slash = trimmed.rfind('/');
  const std::string base = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (base.empty() || base == "." || base == "..") return SystemFailure("remove a tree", "unlinkat", path, EINVAL);
  const std::string above = slash == std::string::npos ? "." : trimmed.substr(0, slash + 1);
  auto parent = OpenDirectory(above, "remove a tree");
  if (!parent && parent.failure().errno_value == ENOENT) return Unit{};
  if (!parent) return parent.failure();
  auto removed = RemoveEntry(parent.value().get(), base);
  if (!removed) {
    removed.failure().path = path + ": " + removed.failure().path;
    return removed.failure();
  }
  return Unit{};
}

}  // namespace berth
