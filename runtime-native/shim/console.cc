#include "shim/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "shim/mount_tree.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"

namespace berth {

namespace {
constexpr const char* kStep = "open a terminal for the container";
constexpr const char* kMultiplexer = "/dev/pts/ptmx";
}  // namespace

Result<Console> OpenConsole(int root, uint16_t rows, uint16_t columns) {
  // Looked at before it is opened for real: opening a device of the container's choice has effects.
  UniqueFd place = BERTH_TRY(OpenInRoot(root, kMultiplexer, O_PATH | O_NOFOLLOW, kStep));
  struct stat status;
  struct statfs filesystem;
  if (fstat(place.get(), &status) < 0 || fstatfs(place.get(), &filesystem) < 0)
    return SystemFailure(kStep, "fstat", kMultiplexer);
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) || filesystem.f_type != DEVPTS_SUPER_MAGIC)
    return Failure{kStep, "fstatfs", ENODEV, kMultiplexer};

  UniqueFd master = BERTH_TRY(OpenInRoot(root, kMultiplexer, O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, kStep));
  struct stat opened;
  if (fstat(master.get(), &opened) < 0 || opened.st_dev != status.st_dev || opened.st_ino != status.st_ino)
    return Failure{kStep, "fstat", ESTALE, kMultiplexer};
  int unlock = 0;
  if (ioctl(master.get(), TIOCSPTLCK, &unlock) < 0) return SystemFailure(kStep, "ioctl TIOCSPTLCK", kMultiplexer);
  UniqueFd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return SystemFailure(kStep, "ioctl TIOCGPTPEER", kMultiplexer);
  winsize size = {rows, columns, 0, 0};
  if (rows != 0 && columns != 0 && ioctl(master.get(), TIOCSWINSZ, &size) < 0)
    return SystemFailure(kStep, "ioctl TIOCSWINSZ", kMultiplexer);
  return Console{std::move(master), std::move(slave)};
}

Result<> BindConsole(int root, const Console& console) {
  UniqueFd target = BERTH_TRY(MakeFileInRoot(root, "/dev/console", kStep));
  UniqueFd tree = BERTH_TRY(CloneTree(console.slave.get(), "", false, kStep));
  return AttachTree(tree.get(), target.get(), kStep, "/dev/console");
}

}  // namespace berth
