#include "shim/container_init.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/command_start.h"
#include "shim/container_root.h"
#include "shim/oom_score.h"
#include "shim/process_clone.h"
#include "shim/process_identity.h"
#include "shim/propagate.h"
#include "shim/sync_channel.h"

namespace berth {

namespace {

void KeepInherited(const InitInheritance& inheritance) {
  std::vector<int> kept;
  for (const UniqueFd& file : inheritance.cgroup.tasks_files) kept.push_back(file.get());
  for (const UniqueFd& file : inheritance.joined) kept.push_back(file.get());
  const ProcessStreams& streams = inheritance.streams;
  LeaveShimBehind(
      {inheritance.sync, streams.process_input.get(), streams.process_output.get(), streams.process_error.get()},
      kept.data(), kept.size());
}

Result<> JoinNamespaces(const std::vector<UniqueFd>& joined) {
  for (size_t kind = 0; kind < joined.size(); kind++) {
    // The pid namespace was joined by being born into it.
    if (!joined[kind] || kind == static_cast<size_t>(NamespaceKind::kPid)) continue;
    if (setns(joined[kind].get(), static_cast<int>(kNamespaceFlags[kind])) < 0)
      return SystemFailure("join a namespace", "setns");
  }
  return Unit{};
}

Result<> NameHost(const LaunchPlan& plan) {
  if (!plan.IsNew(NamespaceKind::kUts)) return Unit{};
  if (!plan.hostname.empty() && sethostname(plan.hostname.data(), plan.hostname.size()) < 0)
    return SystemFailure("set the host name", "sethostname", plan.hostname);
  if (!plan.domainname.empty() && setdomainname(plan.domainname.data(), plan.domainname.size()) < 0)
    return SystemFailure("set the domain name", "setdomainname", plan.domainname);
  return Unit{};
}

Result<> BringLoopbackUp(const LaunchPlan& plan) {
  if (!plan.IsNew(NamespaceKind::kNet)) return Unit{};
  constexpr const char* kStep = "bring the loopback device up";
  UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd) return SystemFailure(kStep, "socket");
  ifreq request = {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) < 0) return SystemFailure(kStep, "ioctl SIOCSIFFLAGS");
  return Unit{};
}

Failure StartContainer(const InitInheritance& inheritance, int& sync) {
  const LaunchPlan& plan = inheritance.plan;
  BERTH_TRY(inheritance.cgroup.JoinVersion1());
  // Only now: /proc/self/cgroup inside shows paths from where the process was when it unshared.
  if (plan.IsNew(NamespaceKind::kCgroup) && unshare(CLONE_NEWCGROUP) < 0)
    return SystemFailure("make the cgroup namespace", "unshare");
  if (plan.has_oom_score_adj) BERTH_TRY(SetOomScoreAdjustment(plan.oom_score_adj));
  BERTH_TRY(JoinNamespaces(inheritance.joined));
  umask(0);
  ContainerRoot root = BERTH_TRY(ContainerRoot::TakeSources(plan));
  if (plan.IsNew(NamespaceKind::kUser)) {
    if (ReceiveSync(sync).kind != SyncKind::kMapped) _exit(1);
    BERTH_TRY(BecomeNamespaceRoot());
  }
  BERTH_TRY(NameHost(plan));
  BERTH_TRY(BringLoopbackUp(plan));
  BERTH_TRY(root.Build(plan));
  if (root.console().master && !SendSync(sync, SyncKind::kConsole, root.console().master.get())) _exit(1);
  BERTH_TRY(root.Enter(plan));
  BERTH_TRY(EnterWorkingDirectory(root.descriptor(), plan.process.cwd));
  StartCommand(plan.process, root.descriptor(), std::move(inheritance.streams), root.TakeTerminal(), sync);
}

}  // namespace

void RunContainerInit(const InitInheritance& inheritance) {
  KeepInherited(inheritance);
  int sync = inheritance.sync;
  Failure failure = StartContainer(inheritance, sync);
  SendSyncFailure(sync, failure);
  _exit(1);
}

}  // namespace berth
