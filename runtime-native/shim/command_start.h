#pragma once

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"
#include "shim/process_streams.h"

namespace berth {

// What the container's first process and exec processes have in common, at the end of their way into the container.
// `root` is an O_PATH descriptor of the container's root, which is also this process's root.

// The working directory, by descriptor, and proof that it lies inside (CVE-2024-21626).
Result<> EnterWorkingDirectory(int root, const std::string& path);

// Terminal or pipes onto descriptors 0 to 2, no other descriptor but `sync`, limits, identity, execve. A failure goes
// to `sync`, which has moved to descriptor 3, and ends the process.
[[noreturn]] void StartCommand(const ProcessPlan& process, int root, ProcessStreams streams, UniqueFd terminal,
                               int sync);

constexpr int kMovedSync = 3;

}  // namespace berth
