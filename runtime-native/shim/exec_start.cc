#include "shim/exec_start.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/cgroup_membership.h"
#include "shim/command_start.h"
#include "shim/console.h"
#include "shim/oom_score.h"
#include "shim/process_identity.h"
#include "shim/propagate.h"
#include "shim/sync_channel.h"

namespace berth {

namespace {

// The shim is not dumpable, and neither is this copy of it: nobody in the container can look into it before execve
// (CVE-2019-5736).
Failure EnterContainer(const ProcessPlan& process, const ExecTarget& target, const CgroupMembership& cgroup,
                       ProcessStreams& streams, int& sync) {
  BERTH_TRY(cgroup.JoinVersion1());
  if (target.has_oom_score_adj) BERTH_TRY(SetOomScoreAdjustment(target.oom_score_adj));
  if (target.namespace_flags != 0 && setns(target.pidfd, target.namespace_flags) < 0)
    return SystemFailure("join the container's namespaces", "setns");
  if ((target.namespace_flags & CLONE_NEWUSER) != 0) BERTH_TRY(BecomeNamespaceRoot());
  UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return SystemFailure("join the container's namespaces", "open", "/");
  Console console;
  if (process.tty) {
    console = BERTH_TRY(OpenConsole(root.get(), process.rows, process.columns));
    if (!SendSync(sync, SyncKind::kConsole, console.master.get())) _exit(1);
  }
  BERTH_TRY(EnterWorkingDirectory(root.get(), process.cwd));
  StartCommand(process, root.get(), std::move(streams), std::move(console.slave), sync);
}

[[noreturn]] void RunExecChild(const ExecPlan& plan, const ExecTarget& target, const CgroupMembership& cgroup,
                               ProcessStreams& streams, int sync) {
  std::vector<int> tasks;
  for (const UniqueFd& file : cgroup.tasks_files) tasks.push_back(file.get());
  LeaveShimBehind(
      {sync, target.pidfd, streams.process_input.get(), streams.process_output.get(), streams.process_error.get()},
      tasks.data(), tasks.size());
  Failure failure = EnterContainer(plan.process, target, cgroup, streams, sync);
  SendSyncFailure(sync, failure);
  _exit(1);
}

}  // namespace

Result<StartingExec> StartExec(const ExecPlan& plan, const ExecTarget& target) {
  CgroupMembership cgroup = BERTH_TRY(CgroupMembership::Open(target.cgroup));
  bool pipes = !plan.process.tty && !plan.detach;
  ProcessStreams streams = BERTH_TRY(ProcessStreams::Open(pipes && plan.open_stdin, pipes));
  SyncPair sync = BERTH_TRY(SyncPair::Open());
  // The poll loop never waits for the container.
  if (fcntl(sync.shim.get(), F_SETFL, O_NONBLOCK) < 0) return SystemFailure("execute in the container", "fcntl");
  ClonedProcess process = BERTH_TRY(CloneProcess(0, cgroup.unified.get(), target.pid_namespace));
  if (process.pid == 0) RunExecChild(plan, target, cgroup, streams, sync.child.get());
  streams.process_input.reset();
  streams.process_output.reset();
  streams.process_error.reset();
  return StartingExec{std::move(process), std::move(streams), std::move(sync.shim)};
}

}  // namespace berth
