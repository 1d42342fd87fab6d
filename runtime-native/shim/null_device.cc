#include "shim/null_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "shim/propagate.h"
#include "shim/rooted_path.h"

namespace berth {

namespace {

Result<> Verify(int device, const char* step) {
  struct stat status;
  if (fstat(device, &status) < 0) return SystemFailure(step, "fstat", "/dev/null");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) return Failure{step, "fstat", ENODEV, "/dev/null"};
  return Unit{};
}

}  // namespace

Result<UniqueFd> OpenNullDevice(int root, int flags, const char* step) {
  UniqueFd place = BERTH_TRY(OpenInRoot(root, "/dev/null", O_PATH | O_NOFOLLOW, step));
  BERTH_TRY(Verify(place.get(), step));
  if ((flags & O_PATH) != 0) return place;
  UniqueFd device = BERTH_TRY(OpenInRoot(root, "/dev/null", flags | O_NOFOLLOW, step));
  BERTH_TRY(Verify(device.get(), step));
  return device;
}

}  // namespace berth
