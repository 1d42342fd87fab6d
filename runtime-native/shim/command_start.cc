#include "shim/command_start.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/command.h"
#include "shim/null_device.h"
#include "shim/process_identity.h"
#include "shim/propagate.h"
#include "shim/rooted_path.h"
#include "shim/sync_channel.h"

namespace berth {

namespace {

constexpr const char* kStreamStep = "connect the process's streams";

// So that a process that is not root can open /dev/stdout again. The kernel refuses in a user namespace, where nothing
// depends on it.
void OwnPipe(int fd, uint32_t uid) {
  struct stat status;
  if (fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || isatty(fd)) && status.st_uid != uid &&
      fchown(fd, uid, static_cast<gid_t>(-1)) < 0)
    return;
}

Result<> ConnectStreams(const ProcessPlan& process, int root, ProcessStreams streams, UniqueFd terminal) {
  if (terminal) {
    if (ioctl(terminal.get(), TIOCSCTTY, 0) < 0) return SystemFailure(kStreamStep, "ioctl TIOCSCTTY");
    for (int fd = 0; fd < 3; fd++)
      if (dup2(terminal.get(), fd) < 0) return SystemFailure(kStreamStep, "dup2");
  } else {
    UniqueFd* ends[] = {&streams.process_input, &streams.process_output, &streams.process_error};
    UniqueFd null_device;
    for (int fd = 0; fd < 3; fd++) {
      if (!*ends[fd] && !null_device) null_device = BERTH_TRY(OpenNullDevice(root, O_RDWR, kStreamStep));
      if (dup2(*ends[fd] ? ends[fd]->get() : null_device.get(), fd) < 0) return SystemFailure(kStreamStep, "dup2");
    }
  }
  for (int fd = 0; fd < 3; fd++) OwnPipe(fd, process.uid);
  return Unit{};
}

// Keys of the session in which berth was called are not the container's.
Result<> LeaveSessionKeyring() {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
    return SystemFailure("leave the caller's session keyring", "keyctl");
  return Unit{};
}

Result<> Prepare(const ProcessPlan& process, int root, ProcessStreams streams, UniqueFd terminal, int& sync) {
  setsid();
  BERTH_TRY(ConnectStreams(process, root, std::move(streams), std::move(terminal)));
  if (sync != kMovedSync && dup3(sync, kMovedSync, O_CLOEXEC) < 0) return SystemFailure(kStreamStep, "dup3");
  sync = kMovedSync;
  close_range(kMovedSync + 1, ~0u, 0);
  umask(022);
  BERTH_TRY(LeaveSessionKeyring());
  return ApplyResourceLimits(process);
}

}  // namespace

Result<> EnterWorkingDirectory(int root, const std::string& path) {
  constexpr const char* kStep = "enter the working directory";
  UniqueFd directory = BERTH_TRY(OpenInRoot(root, path, O_PATH | O_DIRECTORY, kStep));
  if (fchdir(directory.get()) < 0) return SystemFailure(kStep, "fchdir", path);
  char current[4096];
  // The system call, since libc hides what it says of a directory outside the root: "(unreachable)...".
  if (syscall(SYS_getcwd, current, sizeof current) < 0) return SystemFailure(kStep, "getcwd", path);
  if (current[0] != '/') return Failure{kStep, "getcwd", EXDEV, path};
  return Unit{};
}

void StartCommand(const ProcessPlan& process, int root, ProcessStreams streams, UniqueFd terminal, int sync) {
  Command command(process);
  // Reported from here: the callers own descriptors by numbers that mean others by now, `sync` among them.
  auto fail = [](const Failure& failure) {
    SendSyncFailure(kMovedSync, failure);
    _exit(1);
  };
  auto prepared = Prepare(process, root, std::move(streams), std::move(terminal), sync);
  if (!prepared.ok()) {
    if (sync != kMovedSync) dup3(sync, kMovedSync, O_CLOEXEC);
    fail(prepared.failure());
  }
  SendSync(sync, SyncKind::kExecuting);
  auto identity = ApplyIdentity(process);
  if (!identity.ok()) fail(identity.failure());
  fail(command.Execute());
  _exit(1);
}

}  // namespace berth
