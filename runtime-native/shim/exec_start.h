#pragma once

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"
#include "shim/process_clone.h"
#include "shim/process_streams.h"

namespace berth {

// What a process needs to know of a running container to join it.
struct ExecTarget {
  // Of the container's first process.
  int pidfd;
  // File of the container's pid namespace; -1 when that is the host's.
  int pid_namespace;
  // CLONE_NEW* of the namespaces that are not the host's, but for the pid namespace.
  int namespace_flags;
  const CgroupPlan& cgroup;
  bool has_oom_score_adj;
  int32_t oom_score_adj;
};

struct StartingExec {
  ClonedProcess process;
  ProcessStreams streams;
  // Ends, after a kExecuting, when the command runs; the container may take its time, so this is for the poll loop.
  UniqueFd sync;
};

Result<StartingExec> StartExec(const ExecPlan& plan, const ExecTarget& target);

}  // namespace berth
