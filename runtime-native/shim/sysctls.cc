#include "shim/sysctls.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "shim/mount_tree.h"
#include "shim/propagate.h"

namespace berth {

namespace {

constexpr const char* kStep = "set a sysctl";

// sysctl(8): `net.ipv4.conf.eth0/1.forwarding` names the interface eth0.1.
std::string PathOf(const std::string& name) {
  std::string path = name;
  for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return "sys/" + path;
}

}  // namespace

Result<> WriteSysctls(const std::vector<SysctlPlan>& sysctls) {
  if (sysctls.empty()) return Unit{};
  UniqueFd proc = BERTH_TRY(MakeFilesystem("proc", "proc", "", 0, kStep));
  for (const SysctlPlan& sysctl : sysctls) {
    open_how how = {};
    how.flags = O_WRONLY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
    UniqueFd file(static_cast<int>(syscall(SYS_openat2, proc.get(), PathOf(sysctl.name).c_str(), &how, sizeof how)));
    if (!file) return SystemFailure(kStep, "openat2", sysctl.name);
    struct statfs filesystem;
    if (fstatfs(file.get(), &filesystem) < 0) return SystemFailure(kStep, "fstatfs", sysctl.name);
    if (filesystem.f_type != PROC_SUPER_MAGIC) return Failure{kStep, "fstatfs", EINVAL, sysctl.name};
    if (write(file.get(), sysctl.value.data(), sysctl.value.size()) < 0)
      return SystemFailure(kStep, "write", sysctl.name);
  }
  return Unit{};
}

}  // namespace berth
