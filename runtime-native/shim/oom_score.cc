#include "shim/oom_score.h"

#include <fcntl.h>

#include "core/unique_fd.h"

namespace berth {

Result<> SetOomScoreAdjustment(int adjustment) {
  constexpr const char* kStep = "set oom_score_adj";
  constexpr const char* kPath = "/proc/self/oom_score_adj";
  UniqueFd file(open(kPath, O_WRONLY | O_CLOEXEC));
  std::string value = std::to_string(adjustment);
  if (!file) return SystemFailure(kStep, "open", kPath);
  if (write(file.get(), value.data(), value.size()) < 0) return SystemFailure(kStep, "write", kPath);
  return Unit{};
}

}  // namespace berth
