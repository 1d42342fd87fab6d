#include "shim/process_clone.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "shim/propagate.h"

namespace berth {

namespace {

constexpr const char* kStep = "start the container's process";

// The namespace in which this process makes its children; its own again when this goes away.
class ChildPidNamespace {
 public:
  Result<> Enter(int pid_namespace) {
    own_ = UniqueFd(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    if (!own_) return SystemFailure(kStep, "open", "/proc/self/ns/pid");
    if (setns(pid_namespace, CLONE_NEWPID) < 0) {
      own_.reset();
      return SystemFailure("join the pid namespace", "setns");
    }
    return Unit{};
  }
  ~ChildPidNamespace() {
    // The way back to one's own is always open.
    if (own_ && setns(own_.get(), CLONE_NEWPID) < 0) _exit(1);
  }
  void StayInChild() { own_.reset(); }

 private:
  UniqueFd own_;
};

}  // namespace

Result<ClonedProcess> CloneProcess(uint64_t flags, int cgroup, int pid_namespace) {
  ChildPidNamespace children;
  if (pid_namespace >= 0) BERTH_TRY(children.Enter(pid_namespace));
  int pidfd = -1;
  clone_args args = {};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup);
  }
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return SystemFailure(kStep, "clone3");
  if (pid == 0) {
    children.StayInChild();
    return ClonedProcess{0, UniqueFd()};
  }
  return ClonedProcess{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

void LeaveShimBehind(std::initializer_list<int> kept, const int* more, size_t more_count) {
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  std::vector<int> sorted(kept);
  sorted.insert(sorted.end(), more, more + more_count);
  std::sort(sorted.begin(), sorted.end());
  unsigned next = STDERR_FILENO + 1;
  for (int fd : sorted) {
    if (fd < static_cast<int>(next)) continue;
    if (static_cast<unsigned>(fd) > next) close_range(next, static_cast<unsigned>(fd) - 1, 0);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_range(next, ~0u, 0);
}

}  // namespace berth
