#include "layers/entry_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/unique_fd.h"

namespace berth {

namespace {

Failure Failed(const char* syscall, const TarEntry& entry) {
  return SystemFailure("give a file of the layer its metadata", syscall, entry.path);
}

}  // namespace

std::string StoredXattrName(std::string_view name) {
  // A host's own label, which the host's policy gives anew.
  if (name == "security.selinux") return "";
  for (const std::string_view prefix : {"trusted.overlay.", "user.overlay."}) {
    if (name.starts_with(prefix)) return std::string(prefix) + "overlay." + std::string(name.substr(prefix.size()));
  }
  return std::string(name);
}

void EntryTimes(const TarEntry& entry, timespec (&times)[2]) {
  times[0] = entry.atime.value_or(entry.mtime);
  times[1] = entry.mtime;
}

Result<> EntryMetadata::ApplyToOpen(int fd, const TarEntry& entry, bool with_times) {
  if (fchown(fd, entry.uid, entry.gid) != 0) return Failed("fchown", entry);
  if (fchmod(fd, entry.mode) != 0) return Failed("fchmod", entry);
  if (!entry.xattrs.empty()) {
    auto set = SetXattrs(fd, nullptr, entry);
    if (!set) return set.failure();
  }
  if (!with_times) return Unit{};
  timespec times[2];
  EntryTimes(entry, times);
  if (futimens(fd, times) != 0) return Failed("futimens", entry);
  return Unit{};
}

Result<> EntryMetadata::ApplyToName(int parent, const std::string& base, const TarEntry& entry) {
  if (fchownat(parent, base.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) return Failed("fchownat", entry);
  if (entry.type != EntryType::kSymlink) {
    // fchmodat(2) follows links: the mode is set on the very inode, and only if it is no link (CVE-2021-32760).
    const UniqueFd fd(openat(parent, base.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status;
    if (!fd || fstat(fd.get(), &status) != 0) return Failed("openat", entry);
    if (S_ISLNK(status.st_mode))
      return SystemFailure("give a file of the layer its metadata", "chmod", entry.path, ELOOP);
    if (chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), entry.mode) != 0) return Failed("chmod", entry);
  }
  if (!entry.xattrs.empty()) {
    const std::string path = "/proc/self/fd/" + std::to_string(parent) + "/" + base;
    auto set = SetXattrs(-1, &path, entry);
    if (!set) return set.failure();
  }
  timespec times[2];
  EntryTimes(entry, times);
  if (utimensat(parent, base.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Failed("utimensat", entry);
  return Unit{};
}

Result<> EntryMetadata::SetXattrs(int fd, const std::string* path, const TarEntry& entry) {
  for (const auto& [written, value] : entry.xattrs) {
    const std::string name = StoredXattrName(written);
    if (name.empty()) continue;
    const int status = path == nullptr ? fsetxattr(fd, name.c_str(), value.data(), value.size(), 0)
                                       : lsetxattr(path->c_str(), name.c_str(), value.data(), value.size(), 0);
    if (status == 0) continue;
    if (errno == EOPNOTSUPP) {
      if (!std::exchange(warned_unsupported_, true)) {
        warnings_.push_back("the filesystem does not keep the attribute " + name + ": left out, first at " +
                            entry.path);
      }
      continue;
    }
    // user.* is only for files and directories (xattr(7)).
    if (errno == EPERM && name.starts_with("user.")) {
      if (!std::exchange(warned_user_, true)) {
        warnings_.push_back("the kernel refuses the attribute " + name + ": left out, first at " + entry.path);
      }
      continue;
    }
    return SystemFailure("set the attribute " + name, path == nullptr ? "fsetxattr" : "lsetxattr", entry.path);
  }
  return Unit{};
}

}  // namespace berth
