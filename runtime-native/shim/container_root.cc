#include "shim/container_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/container_mounts.h"
#include "shim/device_nodes.h"
#include "shim/mount_tree.h"
#include "shim/path_restrictions.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"
#include "shim/sysctls.h"

namespace berth {

namespace {
constexpr const char* kStep = "make the merged directory the root";
}

Result<ContainerRoot> ContainerRoot::TakeSources(const LaunchPlan& plan) {
  ContainerRoot root;
  const std::string& merged = plan.rootfs.merged;
  root.bind_sources_ = BERTH_TRY(CloneBindSources(plan.mounts));
  root.merged_ = UniqueFd(open(merged.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.merged_) return SystemFailure(kStep, "open", merged);
  // A mount of its own on top of the overlay: in a user namespace the overlay's own is locked in place.
  root.tree_ = BERTH_TRY(CloneTree(root.merged_.get(), "", false, kStep));
  BERTH_TRY(SetMountAttributes(root.tree_.get(), 0, 0, MS_PRIVATE, false, kStep, merged));
  return root;
}

Result<> ContainerRoot::Build(const LaunchPlan& plan) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return SystemFailure(kStep, "mount", "/");
  BERTH_TRY(AttachTree(tree_.get(), merged_.get(), kStep, plan.rootfs.merged));
  int root = tree_.get();
  BERTH_TRY(MakeMounts(root, plan.mounts, bind_sources_));
  bind_sources_.clear();
  BERTH_TRY(MakeDevices(root, plan.devices, !plan.IsHost(NamespaceKind::kUser)));
  BERTH_TRY(MakeSymlinks(root, plan.symlinks));
  if (plan.process.tty) {
    console_ = BERTH_TRY(OpenConsole(root, plan.process.rows, plan.process.columns));
    BERTH_TRY(BindConsole(root, console_));
  }
  BERTH_TRY(MakeDirectoryInRoot(root, plan.process.cwd, "make the working directory"));
  return Unit{};
}

Result<> ContainerRoot::Enter(const LaunchPlan& plan) {
  // Whoever started the shim may be in a chroot: then pivot_root would replace that root only, and what lies above it
  // would stay the namespace's root, which is what setns(2), so exec, enters. setns into the own namespace goes up to
  // its root.
  UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return SystemFailure(kStep, "pidfd_open");
  if (setns(self.get(), CLONE_NEWNS) < 0) return SystemFailure(kStep, "setns");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return SystemFailure(kStep, "mount", "/");
  // pivot_root(2): with both "." the old root ends up on top of the new one, and goes away from there.
  if (fchdir(tree_.get()) < 0) return SystemFailure(kStep, "fchdir", plan.rootfs.merged);
  if (syscall(SYS_pivot_root, ".", ".") < 0) return SystemFailure(kStep, "pivot_root", plan.rootfs.merged);
  if (umount2(".", MNT_DETACH) < 0) return SystemFailure(kStep, "umount2", "/");
  if (chdir("/") < 0) return SystemFailure(kStep, "chdir", "/");

  BERTH_TRY(WriteSysctls(plan.sysctls));
  BERTH_TRY(MaskPaths(tree_.get(), plan.masked_paths));
  BERTH_TRY(MakePathsReadonly(tree_.get(), plan.readonly_paths));
  if (!plan.rootfs.readonly) return Unit{};
  return SetMountAttributes(tree_.get(), MOUNT_ATTR_RDONLY, 0, 0, false, "make the root read-only", "/");
}

}  // namespace berth
