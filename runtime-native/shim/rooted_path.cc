#include "shim/rooted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "shim/propagate.h"

namespace berth {

namespace {

// A rename elsewhere in the tree makes the kernel give up with EAGAIN; somebody who renames all the time must not win.
constexpr int kAttempts = 128;

int OpenAt2(int root, const std::string& path, int flags, uint64_t mode = 0) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; attempt++) {
    int fd = static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    if (fd >= 0 || errno != EAGAIN || attempt == kAttempts) return fd;
  }
}

}  // namespace

Result<UniqueFd> OpenInRoot(int root, const std::string& path, int flags, const char* step) {
  int fd = OpenAt2(root, path, flags);
  if (fd < 0) return SystemFailure(step, "openat2", path);
  return UniqueFd(fd);
}

Result<UniqueFd> MakeDirectoryInRoot(int root, const std::string& path, const char* step) {
  UniqueFd directory(OpenAt2(root, path, O_PATH | O_DIRECTORY));
  if (directory) return directory;
  if (errno != ENOENT) return SystemFailure(step, "openat2", path);
  auto [parent, name] = BERTH_TRY(ParentInRoot(root, path, step));
  if (mkdirat(parent.get(), name.c_str(), 0755) < 0 && errno != EEXIST) return SystemFailure(step, "mkdirat", path);
  return OpenInRoot(root, path, O_PATH | O_DIRECTORY, step);
}

Result<UniqueFd> MakeFileInRoot(int root, const std::string& path, const char* step) {
  UniqueFd file(OpenAt2(root, path, O_PATH));
  if (file) return file;
  if (errno != ENOENT) return SystemFailure(step, "openat2", path);
  auto [parent, name] = BERTH_TRY(ParentInRoot(root, path, step));
  UniqueFd made(openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644));
  if (!made) return SystemFailure(step, "openat", path);
  return OpenInRoot(root, path, O_PATH, step);
}

Result<ParentAndName> ParentInRoot(int root, const std::string& path, const char* step) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  size_t slash = trimmed.rfind('/');
  std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return Failure{step, "openat2", EINVAL, path};
  std::string parent = slash == std::string::npos || slash == 0 ? "/" : trimmed.substr(0, slash);
  return ParentAndName{BERTH_TRY(MakeDirectoryInRoot(root, parent, step)), std::move(name)};
}

}  // namespace berth
