#include "layers/adopt_directories.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <string_view>

#include "core/confined_open.h"

namespace berth {

namespace {

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("take over a directory's metadata from a lower layer", syscall, path);
}

// The lower directory; none: nothing to take over.
Result<UniqueFd> FindLower(const std::vector<UniqueFd>& lowers, const std::string& path) {
  for (const auto& lower : lowers) {
    // As overlayfs looks names up: one by one, in each layer by itself, never through a symlink.
    UniqueFd fd(OpenInRoot(lower.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
    if (fd) return fd;
    // Something else is there, such as a whiteout or a symlink: what is further below does not show through it.
    if (errno == ENOTDIR || errno == ELOOP) return UniqueFd();
    if (errno != ENOENT) return Failed("openat2", path);
  }
  return UniqueFd();
}

Result<> CopyXattrs(int from, int to, const std::string& path) {
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t length = flistxattr(from, names.data(), names.size());
  if (length < 0 && errno == EOPNOTSUPP) return Unit{};
  if (length < 0) return Failed("flistxattr", path);
  names.resize(static_cast<size_t>(length));
  for (std::string_view rest = names; !rest.empty();) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    // Whether the lower directory is opaque is no business of this one; escaped names belong to the image.
    const bool marker = name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
    const bool escaped = name.starts_with("trusted.overlay.overlay.") || name.starts_with("user.overlay.overlay.");
    if ((marker && !escaped) || name == "security.selinux") continue;
    std::string value(XATTR_SIZE_MAX, '\0');
    const ssize_t size = fgetxattr(from, name.c_str(), value.data(), value.size());
    if (size < 0) return Failed("fgetxattr", path);
    if (fsetxattr(to, name.c_str(), value.data(), static_cast<size_t>(size), 0) != 0) return Failed("fsetxattr", path);
  }
  return Unit{};
}

Result<> Adopt(int from, int to, const std::string& path) {
  struct stat status;
  if (fstat(from, &status) != 0) return Failed("fstat", path);
  if (fchown(to, status.st_uid, status.st_gid) != 0) return Failed("fchown", path);
  if (fchmod(to, status.st_mode & 07777) != 0) return Failed("fchmod", path);
  auto copied = CopyXattrs(from, to, path);
  if (!copied) return copied.failure();
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (futimens(to, times) != 0) return Failed("futimens", path);
  return Unit{};
}

}  // namespace

Result<> AdoptDirectories(const std::string& diff, const std::vector<std::string>& lowers,
                          const std::vector<std::string>& directories) {
  auto root = OpenDirectory(diff, "open the layer's directory");
  if (!root) return root.failure();
  std::vector<UniqueFd> lower_fds;
  for (const auto& lower : lowers) {
    auto opened = OpenDirectory(lower, "open a lower layer's directory");
    if (!opened) return opened.failure();
    lower_fds.push_back(std::move(opened.value()));
  }
  for (const auto& path : directories) {
    const UniqueFd own(
        OpenInRoot(root.value().get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
    if (!own) return Failed("openat2", path);
    auto lower = FindLower(lower_fds, path);
    if (!lower) return lower.failure();
    if (!lower.value()) continue;
    auto adopted = Adopt(lower.value().get(), own.get(), path);
    if (!adopted) return adopted.failure();
  }
  return Unit{};
}

}  // namespace berth
