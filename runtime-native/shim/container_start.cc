#include "shim/container_start.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "shim/cgroup_membership.h"
#include "shim/container_init.h"
#include "shim/process_clone.h"
#include "shim/propagate.h"
#include "shim/sync_channel.h"

namespace berth {

namespace {

uint64_t CloneFlags(const LaunchPlan& plan) {
  uint64_t flags = 0;
  for (size_t kind = 0; kind < kNamespaceCount; kind++) {
    // The cgroup namespace is unshared once the process has moved: see RunContainerInit.
    if (plan.namespaces[kind].kind == NamespaceChoice::Kind::kNew &&
        kind != static_cast<size_t>(NamespaceKind::kCgroup))
      flags |= kNamespaceFlags[kind];
  }
  return flags;
}

Result<std::vector<UniqueFd>> OpenJoined(const LaunchPlan& plan) {
  std::vector<UniqueFd> files(kNamespaceCount);
  for (size_t kind = 0; kind < kNamespaceCount; kind++) {
    const NamespaceChoice& choice = plan.namespaces[kind];
    if (choice.kind != NamespaceChoice::Kind::kJoin) continue;
    files[kind] = UniqueFd(open(choice.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!files[kind]) return SystemFailure("join a namespace", "open", choice.path);
  }
  return files;
}

Result<> WriteIdMap(pid_t pid, const char* name, const std::vector<IdMap>& maps) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  std::string text;
  for (const IdMap& map : maps)
    text +=
        std::to_string(map.container_id) + " " + std::to_string(map.host_id) + " " + std::to_string(map.size) + "\n";
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return SystemFailure("map the user namespace", "open", path);
  if (write(file.get(), text.data(), text.size()) < 0) return SystemFailure("map the user namespace", "write", path);
  return Unit{};
}

// Kills the process unless it was given away.
class ProcessGuard {
 public:
  explicit ProcessGuard(ClonedProcess process) : process_(std::move(process)) {}
  ~ProcessGuard() {
    if (process_.pid == 0) return;
    syscall(SYS_pidfd_send_signal, process_.pidfd.get(), SIGKILL, nullptr, 0);
    while (waitpid(process_.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  pid_t pid() const { return process_.pid; }
  ClonedProcess Release() { return ClonedProcess{std::exchange(process_.pid, 0), std::move(process_.pidfd)}; }

 private:
  ClonedProcess process_;
};

// Until the socket's end says that execve has succeeded.
Result<UniqueFd> AwaitExecution(int sync) {
  UniqueFd terminal;
  bool executing = false;
  for (;;) {
    SyncMessage message = ReceiveSync(sync);
    switch (message.kind) {
      case SyncKind::kConsole:
        terminal = std::move(message.descriptor);
        break;
      case SyncKind::kExecuting:
        executing = true;
        break;
      case SyncKind::kFailed:
        return std::move(message.failure);
      case SyncKind::kMapped:
      case SyncKind::kEnd:
        if (executing) return terminal;
        return RuleFailure("SYSTEM", "the container's first process was killed while it was being set up");
    }
  }
}

}  // namespace

Result<RunningContainer> StartContainer(const LaunchPlan& plan) {
  if (plan.IsJoin(NamespaceKind::kUser))
    return RuleFailure("INVALID_PLAN", "a container cannot join another user namespace",
                       plan.Choice(NamespaceKind::kUser).path);
  CgroupMembership cgroup = BERTH_TRY(CgroupMembership::Open(plan.cgroup));
  std::vector<UniqueFd> joined = BERTH_TRY(OpenJoined(plan));
  bool tty = plan.process.tty;
  ProcessStreams streams = BERTH_TRY(ProcessStreams::Open(!tty && plan.io.open_stdin, !tty));
  SyncPair sync = BERTH_TRY(SyncPair::Open());
  int pid_namespace = joined[static_cast<size_t>(NamespaceKind::kPid)].get();
  ClonedProcess cloned = BERTH_TRY(CloneProcess(CloneFlags(plan), cgroup.unified.get(), pid_namespace));
  if (cloned.pid == 0) RunContainerInit({plan, cgroup, joined, streams, sync.child.get()});

  ProcessGuard process(std::move(cloned));
  sync.child.reset();
  if (plan.IsNew(NamespaceKind::kUser)) {
    BERTH_TRY(WriteIdMap(process.pid(), "uid_map", plan.uid_map));
    BERTH_TRY(WriteIdMap(process.pid(), "gid_map", plan.gid_map));
    SendSync(sync.shim.get(), SyncKind::kMapped);
  }
  UniqueFd terminal = BERTH_TRY(AwaitExecution(sync.shim.get()));
  streams.process_input.reset();
  streams.process_output.reset();
  streams.process_error.reset();
  ClonedProcess running = process.Release();
  return RunningContainer{running.pid, std::move(running.pidfd), std::move(terminal), std::move(streams)};
}

}  // namespace berth
