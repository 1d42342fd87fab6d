#pragma once

#include <sys/types.h>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

struct ClonedProcess {
  // 0: this is the child.
  pid_t pid;
  UniqueFd pidfd;
};

// clone3: a copy of this single-threaded process. `flags`: CLONE_NEW*. `cgroup`: v2 directory or -1. `pid_namespace`:
// the child is made in this one; -1: in this process's own (or a new one, by `flags`).
Result<ClonedProcess> CloneProcess(uint64_t flags, int cgroup, int pid_namespace);

// In the child: signals as a program expects them, and no descriptor but those of `kept` (-1 among them is passed
// over) and the standard ones. These stay the shim's, /dev/null, until the process's streams take their place: what is
// opened meanwhile must not get their numbers.
void LeaveShimBehind(std::initializer_list<int> kept, const int* more, size_t more_count);

}  // namespace berth
