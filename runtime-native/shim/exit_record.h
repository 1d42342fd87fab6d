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

// Durable, and never seen half-written: temp, fsync, rename, fsync of the directory.
Result<> WriteExitRecord(const std::string& path, const ExitStatus& status, const std::string& finished_at);

}  // namespace berth
