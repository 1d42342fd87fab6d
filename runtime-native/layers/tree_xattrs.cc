// The xattrs of a tree that is packed.
#include <linux/limits.h>
#include <sys/xattr.h>

#include <algorithm>
#include <string_view>

#include "layers/tree_walk.h"

namespace berth {

namespace {

Failure Failed(const char* syscall, const std::string& path) {
  return SystemFailure("read the attributes of a file to be packed", syscall, path);
}

// The names as one string of NUL-ended ones; empty where the filesystem has none, or the file is gone.
Result<std::string> ListNames(const std::string& proc_path, bool follow, const std::string& path) {
  std::string names(1024, '\0');
  for (;;) {
    const ssize_t length = follow ? listxattr(proc_path.c_str(), names.data(), names.size())
                                  : llistxattr(proc_path.c_str(), names.data(), names.size());
    if (length >= 0) {
      names.resize(static_cast<size_t>(length));
      return names;
    }
    if (errno == EOPNOTSUPP || errno == ENOENT) return std::string();
    if (errno != ERANGE || names.size() >= XATTR_LIST_MAX) return Failed("listxattr", path);
    names.resize(XATTR_LIST_MAX);
  }
}

}  // namespace

// `proc_path` is /proc/self/fd/N, which is followed, or /proc/self/fd/N/NAME, which is not.
Result<bool> TreeWalk::ReadXattrs(const std::string& proc_path, TarEntry& entry) {
  const bool follow = std::count(proc_path.begin(), proc_path.end(), '/') == 4;
  auto names = ListNames(proc_path, follow, entry.path);
  if (!names) return names.failure();
  bool opaque = false;
  for (std::string_view rest = names.value(); !rest.empty();) {
    std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    // A host's own label, which the host's policy gives anew.
    if (name == "security.selinux") continue;
    std::string value(XATTR_SIZE_MAX, '\0');
    const ssize_t length = follow ? getxattr(proc_path.c_str(), name.c_str(), value.data(), value.size())
                                  : lgetxattr(proc_path.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0 && (errno == ENODATA || errno == ENOENT)) continue;
    if (length < 0) return Failed("getxattr", entry.path);
    value.resize(static_cast<size_t>(length));
    for (const std::string_view prefix : {"trusted.overlay.", "user.overlay."}) {
      if (!overlay_whiteouts_ || !name.starts_with(prefix)) continue;
      const std::string own = name.substr(prefix.size());
      // "overlay.X" is the image's own attribute, escaped when it was unpacked.
      name = own.starts_with("overlay.") ? std::string(prefix) + own.substr(8) : "";
      if (own == "opaque" && value == "y") opaque = true;
      if (own == "redirect" || own == "metacopy") {
        return RuleFailure(
            "LAYER_INVALID",
            "overlayfs keeps only a reference here (" + own + "): the overlay must be mounted without it", entry.path);
      }
      break;
    }
    if (!name.empty()) entry.xattrs.emplace_back(std::move(name), std::move(value));
  }
  std::sort(entry.xattrs.begin(), entry.xattrs.end());
  return opaque;
}

}  // namespace berth
