#include "shim/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "shim/propagate.h"

namespace berth {

namespace {

constexpr const char* kStep = "mount the container's root file system";
// mount(2) takes one page of options, its terminator included.
constexpr size_t kMaxOptions = 4095;

// Names with the option string's own separators are escaped as overlayfs reads them.
void AppendEscaped(std::string& options, const std::string& path) {
  for (char c : path) {
    if (c == '\\' || c == ',' || c == ':') options += '\\';
    options += c;
  }
}

// Relative to the overlay directory when below it, which keeps 128 layers within the page.
std::string Shortened(const std::string& path, const std::string& directory) {
  if (path.size() > directory.size() + 1 && path.compare(0, directory.size(), directory) == 0 &&
      path[directory.size()] == '/')
    return path.substr(directory.size() + 1);
  return path;
}

}  // namespace

Result<OverlayMount> OverlayMount::Mount(const RootfsPlan& rootfs) {
  std::string options = "lowerdir=";
  for (size_t i = 0; i < rootfs.lower.size(); i++) {
    if (i > 0) options += ':';
    AppendEscaped(options, rootfs.lower[i]);
  }
  options += ",upperdir=";
  AppendEscaped(options, Shortened(rootfs.upper, rootfs.overlay_directory));
  options += ",workdir=";
  AppendEscaped(options, Shortened(rootfs.work, rootfs.overlay_directory));
  if (options.size() > kMaxOptions)
    return RuleFailure("LIMIT", "the root file system has more layers than one mount can name", rootfs.merged);

  if (chdir(rootfs.overlay_directory.c_str()) < 0) return SystemFailure(kStep, "chdir", rootfs.overlay_directory);
  int mounted = mount("overlay", rootfs.merged.c_str(), "overlay", 0, options.c_str());
  int mount_errno = errno;
  if (chdir("/") < 0) return SystemFailure(kStep, "chdir", "/");
  if (mounted < 0) return SystemFailure(kStep, "mount", rootfs.merged, mount_errno);
  return OverlayMount(rootfs.merged);
}

UniqueFd OverlayMount::Unmount() {
  if (merged_.empty()) return UniqueFd();
  UniqueFd root(open(merged_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // Somebody else on the host may have a file of it open, too: that does not keep the mount.
  umount2(merged_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  merged_.clear();
  return root;
}

}  // namespace berth
