#include "layers/layer_directory.h"

#include <fcntl.h>
#include <limits.h>

#include "core/confined_open.h"
#include "layers/entry_path.h"

namespace berth {

namespace {

constexpr size_t kMaxKept = 64;
// As the kernel's own limit (MAXSYMLINKS).
constexpr int kMaxLinks = 40;
constexpr mode_t kImpliedMode = 0755;

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("make a directory of the layer", syscall, path);
}

}  // namespace

LayerDirectories::LayerDirectories(UniqueFd root, OnImplied on_implied)
    : root_(std::make_shared<const UniqueFd>(std::move(root))), on_implied_(std::move(on_implied)) {}

Result<LayerDirectories::Handle> LayerDirectories::Open(std::string_view path) {
  if (path.empty()) return root_;
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return kept_.front().handle;
  }
  const std::string name(path);
  UniqueFd fd(OpenInRoot(root(), name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) return SystemFailure("open a directory of the layer", "openat2", name);
  return Keep(path, std::move(fd));
}

LayerDirectories::Handle LayerDirectories::Keep(std::string_view path, UniqueFd fd) {
  auto handle = std::make_shared<const UniqueFd>(std::move(fd));
  if (path.empty()) return root_;
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) {
    found->second->handle = handle;
    return handle;
  }
  kept_.push_front({std::string(path), handle});
  by_path_.emplace(kept_.front().path, kept_.begin());
  if (kept_.size() > kMaxKept) {
    by_path_.erase(kept_.back().path);
    kept_.pop_back();
  }
  return handle;
}

void LayerDirectories::Forget() {
  by_path_.clear();
  kept_.clear();
}

Result<LayerDirectories::Handle> LayerDirectories::OpenOrMake(std::string_view path) { return OpenOrMake(path, 0); }

Result<LayerDirectories::Handle> LayerDirectories::OpenOrMake(std::string_view path, int links_followed) {
  auto opened = Open(path);
  if (opened) return opened;
  const int error = opened.failure().errno_value;
  if (error != ENOENT && error != ENOTDIR) return opened.failure();
  // The missing directories from the root down, without recursion: a path may have two thousand of them.
  const std::string whole(path);
  size_t end = 0;
  Result<Handle> handle = root_;
  while (end != std::string::npos) {
    end = whole.find('/', end + 1);
    const std::string prefix = whole.substr(0, end);
    handle = Open(prefix);
    if (!handle) handle = Make(prefix, links_followed);
    if (!handle) return handle;
  }
  return handle;
}

Result<LayerDirectories::Handle> LayerDirectories::Make(const std::string& path, int links_followed) {
  const auto [parent_path, base_view] = Split(path);
  const std::string base(base_view);
  auto parent = Open(parent_path);
  if (!parent) return parent.failure();
  const int parent_fd = parent.value()->get();
  bool replaced_whiteout = false;
  if (mkdirat(parent_fd, base.c_str(), kImpliedMode) != 0) {
    if (errno != EEXIST) return Failed("mkdirat", path);
    struct stat status;
    if (fstatat(parent_fd, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Failed("fstatat", path);
    if (S_ISLNK(status.st_mode) && links_followed < kMaxLinks) {
      // A symlink of this layer to a directory that is in a lower one: made here, inside the root, as a chrooted tar
      // would.
      char target[PATH_MAX];
      const ssize_t length = readlinkat(parent_fd, base.c_str(), target, sizeof target);
      if (length < 0) return Failed("readlinkat", path);
      const std::string link(target, static_cast<size_t>(length));
      const std::string next = ClampPath(link.starts_with('/') ? link : std::string(parent_path) + "/" + link);
      return OpenOrMake(next, links_followed + 1);
    }
    if (!IsWhiteout(status)) {
      return RuleFailure("LAYER_INVALID", "an entry of the layer needs a directory where it has something else", path);
    }
    if (unlinkat(parent_fd, base.c_str(), 0) != 0) return Failed("unlinkat", path);
    if (mkdirat(parent_fd, base.c_str(), kImpliedMode) != 0) return Failed("mkdirat", path);
    replaced_whiteout = true;
  }
  UniqueFd fd(openat(parent_fd, base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Failed("openat", path);
  // The umask and a setgid parent must not show.
  if (fchown(fd.get(), 0, 0) != 0 || fchmod(fd.get(), kImpliedMode) != 0) return Failed("fchmod", path);
  auto noted = on_implied_(path, fd.get(), replaced_whiteout);
  if (!noted) return noted.failure();
  return Keep(path, std::move(fd));
}

}  // namespace berth
