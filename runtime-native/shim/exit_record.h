#pragma once

#include <string>

#include "core/result.h"

namespace berth {

struct ExitStatus {
  // The command's own, or 128 + signal.
  int code;
  bool oom_killed;
};

// From waitpid(2).
int ExitCodeOf(int wait_status);

// Never seen half-written: temp, rename. `durable`: fsync of the file and the directory, too.
Result<> WriteExitRecord(const std::string& path, bool durable, const ExitStatus& status,
                         const std::string& finished_at);

}  // namespace berth
