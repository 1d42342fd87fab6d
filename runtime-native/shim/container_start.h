#pragma once

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"
#include "shim/overlay_mount.h"
#include "shim/process_streams.h"

namespace berth {

struct RunningContainer {
  pid_t pid;
  UniqueFd pidfd;
  // With a tty: the master, alone. Otherwise the shim's ends of the pipes.
  UniqueFd terminal;
  ProcessStreams streams;
};

// Waits until the container's command has been executed. A failure has left no process behind.
Result<RunningContainer> StartContainer(const LaunchPlan& plan);

}  // namespace berth
