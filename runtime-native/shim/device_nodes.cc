#include "shim/device_nodes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim/mount_tree.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"

namespace berth {

namespace {

constexpr const char* kDeviceStep = "make a device node";
constexpr const char* kLinkStep = "make a link in /dev";

mode_t TypeOf(const DevicePlan& device) {
  return device.type == 'c' ? S_IFCHR : device.type == 'b' ? S_IFBLK : S_IFIFO;
}

bool IsSame(const struct stat& status, const DevicePlan& device) {
  if ((status.st_mode & S_IFMT) != TypeOf(device)) return false;
  return device.type == 'p' || status.st_rdev == makedev(device.major, device.minor);
}

Result<> BindDevice(int root, const DevicePlan& device) {
  UniqueFd source(open(device.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!source || fstat(source.get(), &status) < 0) return SystemFailure(kDeviceStep, "open", device.path);
  if (!IsSame(status, device)) return Failure{kDeviceStep, "fstat", ENXIO, device.path};
  UniqueFd tree = BERTH_TRY(CloneTree(source.get(), "", false, kDeviceStep));
  UniqueFd target = BERTH_TRY(MakeFileInRoot(root, device.path, kDeviceStep));
  return AttachTree(tree.get(), target.get(), kDeviceStep, device.path);
}

Result<> MakeDevice(int root, const DevicePlan& device) {
  auto [parent, name] = BERTH_TRY(ParentInRoot(root, device.path, kDeviceStep));
  dev_t number = device.type == 'p' ? 0 : makedev(device.major, device.minor);
  if (mknodat(parent.get(), name.c_str(), TypeOf(device) | (device.mode & 07777), number) < 0) {
    struct stat status;
    if (errno == EEXIST && fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        IsSame(status, device))
      return Unit{};
    return SystemFailure(kDeviceStep, "mknodat", device.path);
  }
  if (fchownat(parent.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemFailure(kDeviceStep, "fchownat", device.path);
  return Unit{};
}

}  // namespace

Result<> MakeDevices(int root, const std::vector<DevicePlan>& devices, bool in_user_namespace) {
  for (const DevicePlan& device : devices) {
    bool bind = in_user_namespace && device.type != 'p';
    BERTH_TRY(bind ? BindDevice(root, device) : MakeDevice(root, device));
  }
  return Unit{};
}

Result<> MakeSymlinks(int root, const std::vector<SymlinkPlan>& links) {
  for (const SymlinkPlan& link : links) {
    auto [parent, name] = BERTH_TRY(ParentInRoot(root, link.path, kLinkStep));
    if (symlinkat(link.target.c_str(), parent.get(), name.c_str()) == 0) continue;
    if (errno != EEXIST) return SystemFailure(kLinkStep, "symlinkat", link.path);
    char target[4096];
    ssize_t length = readlinkat(parent.get(), name.c_str(), target, sizeof target);
    if (length < 0 || link.target != std::string_view(target, static_cast<size_t>(length)))
      return Failure{kLinkStep, "symlinkat", EEXIST, link.path};
  }
  return Unit{};
}

}  // namespace berth
