#include "core/confined_open.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace berth {

int OpenInRoot(int root, const char* path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  // EAGAIN: a rename somewhere on the host raced with the resolution of ".." (openat2(2)).
  for (int attempt = 0; attempt < 128; attempt++) {
    const long fd = syscall(SYS_openat2, root, *path == '\0' ? "." : path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
  return -1;
}

Result<UniqueFd> OpenDirectory(const std::string& path, const char* step) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return SystemFailure(step, "open", path);
  return fd;
}

bool IsWhiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0); }

}  // namespace berth
