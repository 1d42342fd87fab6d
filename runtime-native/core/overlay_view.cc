#include "core/overlay_view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "core/confined_open.h"

namespace berth {

namespace {

constexpr const char* kStep = "put the layers of a file tree together";
// mount(2) takes one page of options, its terminator included.
constexpr size_t kMaxOptions = 4095;

// A backslash before the separators of the option string, which overlayfs removes again.
std::string Escaped(const std::string& path) {
  std::string escaped;
  for (const char c : path) {
    if (c == '\\' || c == ',' || c == ':') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

// fsmount(2) would do without the namespace, but before Linux 6.7 its options hold no more than eight layers.
Result<UniqueFd> OpenOverlayView(const std::string& directory, const std::vector<std::string>& lower) {
  // Overlayfs wants two; one layer is its own view.
  if (lower.size() == 1) return OpenDirectory(directory + "/" + lower.front(), kStep);
  std::string options;
  for (const std::string& layer : lower) options += (options.empty() ? "lowerdir=" : ":") + Escaped(layer);
  if (options.size() > kMaxOptions) return RuleFailure("LIMIT", "more layers than one mount can name", directory);

  if (unshare(CLONE_NEWNS) != 0) return SystemFailure(kStep, "unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return SystemFailure(kStep, "mount", "/");
  if (chdir(directory.c_str()) != 0) return SystemFailure(kStep, "chdir", directory);
  constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
  if (mount("overlay", directory.c_str(), "overlay", kFlags, options.c_str()) != 0) {
    return SystemFailure(kStep, "mount", directory);
  }
  auto root = OpenDirectory(directory, kStep);
  // From here on only the descriptor keeps it.
  umount2(directory.c_str(), MNT_DETACH);
  return root;
}

}  // namespace berth
