#include "shim/path_restrictions.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "shim/mount_tree.h"
#include "shim/null_device.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"

namespace berth {

namespace {

constexpr const char* kMaskStep = "mask a path";
constexpr const char* kReadonlyStep = "make a path read-only";

// Nothing: the path is not there.
Result<UniqueFd> OpenIfThere(int root, const std::string& path, const char* step) {
  auto opened = OpenInRoot(root, path, O_PATH, step);
  if (!opened.ok() && (opened.failure().errno_value == ENOENT || opened.failure().errno_value == ENOTDIR))
    return UniqueFd();
  return opened;
}

}  // namespace

Result<> MaskPaths(int root, const std::vector<std::string>& paths) {
  UniqueFd null_device;
  // Attached once, and copied from there for the other directories.
  UniqueFd empty_directory;
  for (const std::string& path : paths) {
    UniqueFd target = BERTH_TRY(OpenIfThere(root, path, kMaskStep));
    if (!target) continue;
    struct stat status;
    if (fstat(target.get(), &status) < 0) return SystemFailure(kMaskStep, "fstat", path);
    UniqueFd tree;
    if (!S_ISDIR(status.st_mode)) {
      if (!null_device) null_device = BERTH_TRY(OpenNullDevice(root, O_PATH, kMaskStep));
      tree = BERTH_TRY(CloneTree(null_device.get(), "", false, kMaskStep));
    } else if (empty_directory) {
      tree = BERTH_TRY(CloneTree(empty_directory.get(), "", false, kMaskStep));
    } else {
      tree = BERTH_TRY(MakeFilesystem("tmpfs", "tmpfs", "mode=755,size=0,nr_inodes=1",
                                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                                      kMaskStep));
    }
    BERTH_TRY(AttachTree(tree.get(), target.get(), kMaskStep, path));
    if (S_ISDIR(status.st_mode) && !empty_directory) empty_directory = std::move(tree);
  }
  return Unit{};
}

Result<> MakePathsReadonly(int root, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    UniqueFd target = BERTH_TRY(OpenIfThere(root, path, kReadonlyStep));
    if (!target) continue;
    UniqueFd tree = BERTH_TRY(CloneTree(target.get(), "", true, kReadonlyStep));
    BERTH_TRY(SetMountAttributes(tree.get(), MOUNT_ATTR_RDONLY, 0, 0, true, kReadonlyStep, path));
    BERTH_TRY(AttachTree(tree.get(), target.get(), kReadonlyStep, path));
  }
  return Unit{};
}

}  // namespace berth
