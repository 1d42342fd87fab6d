#include "core/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

namespace berth {

namespace {

int Operation(LockMode mode) { return mode == LockMode::kShared ? LOCK_SH : LOCK_EX; }

}  // namespace

Result<UniqueFd> OpenLockFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return SystemFailure("open a lock file", "open", path);
  return fd;
}

Result<bool> TryLock(int fd, LockMode mode, const std::string& path) {
  while (flock(fd, Operation(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return SystemFailure("lock a file", "flock", path);
  }
  return true;
}

Result<> Lock(int fd, LockMode mode, const std::string& path) {
  while (flock(fd, Operation(mode)) != 0) {
    if (errno != EINTR) return SystemFailure("lock a file", "flock", path);
  }
  return Unit{};
}

Result<> SyncFilesystem(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return SystemFailure("sync a filesystem", "open", path);
  if (syncfs(fd.get()) != 0) return SystemFailure("sync a filesystem", "syncfs", path);
  return Unit{};
}

}  // namespace berth
