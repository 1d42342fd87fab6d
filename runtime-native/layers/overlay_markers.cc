#include "layers/overlay_markers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "core/confined_open.h"
#include "layers/entry_path.h"

namespace berth {

namespace {

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("make a whiteout of the layer", syscall, path);
}

void EraseBelow(std::set<std::string>& paths, const std::string& path) {
  paths.erase(path);
  const std::string first = path + "/";
  // '0' follows '/'.
  paths.erase(paths.lower_bound(first), paths.lower_bound(path + "0"));
}

}  // namespace

Result<> OverlayMarkers::SetOpaque(int fd, const std::string& path) {
  if (fsetxattr(fd, opaque_xattr_, "y", 1, 0) != 0) {
    return SystemFailure(std::string("mark a directory of the layer as opaque (") + opaque_xattr_ + ")", "fsetxattr",
                         path);
  }
  return Unit{};
}

Result<> OverlayMarkers::AddWhiteout(LayerDirectories& directories, const std::string& hidden, const timespec& mtime) {
  const auto [parent_path, base_view] = Split(hidden);
  const std::string base(base_view);
  auto parent = directories.OpenOrMake(parent_path);
  if (!parent) return parent.failure();
  const int parent_fd = parent.value()->get();
  if (mknodat(parent_fd, base.c_str(), S_IFCHR, makedev(0, 0)) == 0) {
    whiteouts_.push_back(hidden);
    // So that packing the layer again gives the same bytes.
    const timespec times[2] = {mtime, mtime};
    if (utimensat(parent_fd, base.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Failed("utimensat", hidden);
    return Unit{};
  }
  if (errno != EEXIST) return Failed("mknodat", hidden);
  struct stat status;
  if (fstatat(parent_fd, base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Failed("fstatat", hidden);
  if (!S_ISDIR(status.st_mode)) return Unit{};
  const UniqueFd fd(openat(parent_fd, base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Failed("openat", hidden);
  return ReplaceWhiteout(hidden, fd.get());
}

Result<> OverlayMarkers::AddOpaque(LayerDirectories& directories, const std::string& directory) {
  auto handle = directories.OpenOrMake(directory);
  if (!handle) return handle.failure();
  opaque_.insert(directory);
  return SetOpaque(handle.value()->get(), directory);
}

Result<> OverlayMarkers::ReplaceWhiteout(const std::string& directory, int fd) {
  fresh_.insert(directory);
  return SetOpaque(fd, directory);
}

void OverlayMarkers::Forget(const std::string& path) {
  EraseBelow(opaque_, path);
  EraseBelow(fresh_, path);
}

bool OverlayMarkers::BelowOpaque(const std::string& path) const {
  if (opaque_.empty() && fresh_.empty()) return false;
  for (std::string_view above = path; !above.empty();) {
    above = Split(above).parent;
    const std::string key(above);
    if (opaque_.contains(key) || fresh_.contains(key)) return true;
  }
  return false;
}

bool OverlayMarkers::HidesLower(const std::string& path) const { return fresh_.contains(path) || BelowOpaque(path); }

Result<> OverlayMarkers::Finish(LayerDirectories& directories) {
  for (const auto& path : whiteouts_) {
    if (!BelowOpaque(path)) continue;
    const auto [parent_path, base_view] = Split(path);
    const std::string base(base_view);
    auto parent = directories.Open(parent_path);
    struct stat status;
    // What replaced the whiteout since stays.
    if (!parent || fstatat(parent.value()->get(), base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (IsWhiteout(status) && unlinkat(parent.value()->get(), base.c_str(), 0) != 0) return Failed("unlinkat", path);
  }
  return Unit{};
}

}  // namespace berth
