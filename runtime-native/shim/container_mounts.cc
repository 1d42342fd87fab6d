#include "shim/container_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "shim/mount_tree.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"

namespace berth {

namespace {

constexpr const char* kStep = "mount into the container";

uint64_t AttributesOf(const MountPlan& mount) {
  uint64_t attributes = 0;
  if (mount.flags & MountPlan::kReadonly) attributes |= MOUNT_ATTR_RDONLY;
  if (mount.flags & MountPlan::kNosuid) attributes |= MOUNT_ATTR_NOSUID;
  if (mount.flags & MountPlan::kNodev) attributes |= MOUNT_ATTR_NODEV;
  if (mount.flags & MountPlan::kNoexec) attributes |= MOUNT_ATTR_NOEXEC;
  if (mount.flags & MountPlan::kStrictatime) attributes |= MOUNT_ATTR_STRICTATIME;
  return attributes;
}

Result<> ApplyBindAttributes(int tree, const MountPlan& mount) {
  uint64_t set = AttributesOf(mount);
  // The access time modes exclude each other: the kernel wants the old one cleared.
  bool times = (mount.flags & (MountPlan::kStrictatime | MountPlan::kRelatime)) != 0;
  uint64_t clear = times ? MOUNT_ATTR__ATIME : 0;
  if (set == 0 && clear == 0) return Unit{};
  return SetMountAttributes(tree, set, clear, 0, mount.type == "rbind", kStep, mount.target);
}

Result<UniqueFd> TargetOf(int root, const MountPlan& mount, int tree) {
  struct stat status;
  if (fstat(tree, &status) < 0) return SystemFailure(kStep, "fstat", mount.target);
  if (S_ISDIR(status.st_mode)) return MakeDirectoryInRoot(root, mount.target, kStep);
  return MakeFileInRoot(root, mount.target, kStep);
}

}  // namespace

Result<std::vector<UniqueFd>> CloneBindSources(const std::vector<MountPlan>& mounts) {
  std::vector<UniqueFd> trees;
  for (const MountPlan& mount : mounts) {
    UniqueFd tree;
    if (mount.IsBind()) tree = BERTH_TRY(CloneTree(AT_FDCWD, mount.source, mount.type == "rbind", kStep));
    trees.push_back(std::move(tree));
  }
  return trees;
}

Result<> MakeMounts(int root, const std::vector<MountPlan>& mounts, const std::vector<UniqueFd>& bind_sources) {
  for (size_t i = 0; i < mounts.size(); i++) {
    const MountPlan& mount = mounts[i];
    UniqueFd made;
    int tree = bind_sources[i].get();
    if (mount.IsBind()) {
      BERTH_TRY(ApplyBindAttributes(tree, mount));
    } else {
      made = BERTH_TRY(
          MakeFilesystem(mount.type, mount.source, mount.data, static_cast<unsigned>(AttributesOf(mount)), kStep));
      tree = made.get();
    }
    BERTH_TRY(SetMountAttributes(tree, 0, 0, mount.propagation, mount.propagation_recursive, kStep, mount.target));
    UniqueFd target = BERTH_TRY(TargetOf(root, mount, tree));
    BERTH_TRY(AttachTree(tree, target.get(), kStep, mount.target));
  }
  return Unit{};
}

}  // namespace berth
