#pragma once

#include "core/result.h"
#include "shim/launch_plan.h"

namespace berth {

// What execve needs, laid out before a seccomp filter may forbid the allocator its system calls.
class Command {
 public:
  explicit Command(const ProcessPlan& process);

  // Comes back only with a failure: COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE.
  Failure Execute() const;

 private:
  std::vector<std::string> candidates_;
  std::string name_;
  std::vector<char*> arguments_, environment_;
};

}  // namespace berth
