#pragma once

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// Pipes between the shim (non-blocking ends) and a process without a tty. Ends that are -1 are the container's
// /dev/null.
struct ProcessStreams {
  UniqueFd input, output, error;
  UniqueFd process_input, process_output, process_error;

  static Result<ProcessStreams> Open(bool with_input, bool with_output);
};

}  // namespace berth
