#include "shim/process_streams.h"

#include <fcntl.h>

#include "shim/propagate.h"

namespace berth {

namespace {

Result<> OpenPipe(UniqueFd& read_end, UniqueFd& write_end, bool shim_reads) {
  constexpr const char* kStep = "make a pipe for the process";
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemFailure(kStep, "pipe2");
  read_end = UniqueFd(ends[0]);
  write_end = UniqueFd(ends[1]);
  if (fcntl(shim_reads ? ends[0] : ends[1], F_SETFL, O_NONBLOCK) < 0) return SystemFailure(kStep, "fcntl");
  return Unit{};
}

}  // namespace

Result<ProcessStreams> ProcessStreams::Open(bool with_input, bool with_output) {
  ProcessStreams streams;
  if (with_input) BERTH_TRY(OpenPipe(streams.process_input, streams.input, false));
  if (with_output) {
    BERTH_TRY(OpenPipe(streams.output, streams.process_output, true));
    BERTH_TRY(OpenPipe(streams.error, streams.process_error, true));
  }
  return streams;
}

}  // namespace berth
