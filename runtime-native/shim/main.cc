#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "shim/cgroup_removal.h"
#include "shim/launcher_channel.h"
#include "shim/propagate.h"
#include "shim/supervisor.h"
#include "shim/wire.h"

namespace berth {

namespace {

constexpr int kLauncherSocket = 3;

// Away from the caller's session, directory and descriptors, and not its child: whoever started this may end at any
// time.
void BecomeDaemon() {
  setsid();
  pid_t pid = fork();
  if (pid != 0) _exit(pid < 0 ? 1 : 0);
  close_range(kLauncherSocket + 1, ~0u, 0);
  fcntl(kLauncherSocket, F_SETFD, FD_CLOEXEC);
  if (chdir("/") < 0) _exit(1);
  // It was started from a descriptor, whose number would be its name.
  prctl(PR_SET_NAME, "berth-shim", 0, 0, 0);
  umask(022);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // For every copy of this process, too, that is inside a container before it executes something else.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

Result<UniqueFd> OpenSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return SystemFailure("start berth-shim", "signalfd");
  return fd;
}

// The container's socket; removed unless the container keeps it.
class Listener {
 public:
  static Result<Listener> Open(const std::string& path) {
    constexpr const char* kStep = "open the container's socket";
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Failure{kStep, "bind", ENAMETOOLONG, path};
    memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_fd) return SystemFailure(kStep, "socket", path);
    unlink(path.c_str());
    mode_t mask = umask(0177);
    int bound = bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    umask(mask);
    if (bound < 0) return SystemFailure(kStep, "bind", path);
    // Those beyond the clients that are served at once wait here.
    if (listen(socket_fd.get(), SOMAXCONN) < 0) return SystemFailure(kStep, "listen", path);
    return Listener(std::move(socket_fd), path);
  }
  Listener(Listener&& other) noexcept : fd_(std::move(other.fd_)), path_(std::move(other.path_)) {
    other.path_.clear();
  }
  Listener& operator=(Listener&&) = delete;
  ~Listener() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  UniqueFd Keep() {
    path_.clear();
    return std::move(fd_);
  }

 private:
  Listener(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

// Empties and removes the container's cgroups unless it was started.
class CgroupGuard {
 public:
  explicit CgroupGuard(const CgroupPlan& plan) : plan_(&plan) {}
  CgroupGuard(const CgroupGuard&) = delete;
  CgroupGuard& operator=(const CgroupGuard&) = delete;
  ~CgroupGuard() {
    if (plan_ == nullptr) return;
    ClearCgroups(*plan_);
  }
  void Keep() { plan_ = nullptr; }

 private:
  const CgroupPlan* plan_;
};

struct AttachPair {
  UniqueFd shim, launcher;
};

Result<AttachPair> OpenAttachPair(bool wanted) {
  if (!wanted) return AttachPair{};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return SystemFailure("attach to the container", "socketpair");
  return AttachPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Starts the container and answers the launcher. When that is not there any more to learn of it, the container ends
// again.
Result<std::unique_ptr<Supervisor>> Launch(LauncherChannel& launcher) {
  std::string bytes = BERTH_TRY(launcher.ReceivePlan());
  LaunchPlan plan = BERTH_TRY(DecodeLaunchPlan(AsBytes(bytes)));
  bytes = std::string();
  CgroupGuard cgroups(plan.cgroup);
  UniqueFd signals = BERTH_TRY(OpenSignals());
  OverlayMount root = BERTH_TRY(OverlayMount::Mount(plan.rootfs));
  JsonLog log = BERTH_TRY(JsonLog::Open(plan.io));
  Listener listener = BERTH_TRY(Listener::Open(plan.socket_path));
  AttachPair attach = BERTH_TRY(OpenAttachPair(plan.io.attach));
  RunningContainer running = BERTH_TRY(StartContainer(plan));
  pid_t pid = running.pid;
  cgroups.Keep();
  auto supervisor = std::make_unique<Supervisor>(
      SupervisionPlan::Of(plan),
      StartedContainer{std::move(running), std::move(root), std::move(log), std::move(signals), listener.Keep()});
  if (attach.shim) supervisor->AdoptAttached(std::move(attach.shim));
  if (!launcher.AnswerStarted(pid, attach.launcher.get())) kill(pid, SIGKILL);
  return supervisor;
}

}  // namespace

}  // namespace berth

int main() {
  if (fcntl(berth::kLauncherSocket, F_GETFD) < 0) {
    dprintf(2, "berth-shim is started by berth, one for each container\n");
    return 2;
  }
  berth::BecomeDaemon();
  std::unique_ptr<berth::Supervisor> supervisor;
  {
    berth::LauncherChannel launcher{berth::UniqueFd(berth::kLauncherSocket)};
    auto launched = berth::Launch(launcher);
    if (!launched.ok()) {
      launcher.AnswerFailed(launched.failure());
      return 1;
    }
    supervisor = std::move(launched.value());
  }
  supervisor->Run();
  return 0;
}
