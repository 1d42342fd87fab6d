#pragma once

#include <optional>
#include <string>

#include "core/unique_fd.h"
#include "shim/json_log.h"
#include "shim/process_streams.h"

namespace berth {

// The container's first process, or one that exec started, with the shim's ends of its streams.
class SupervisedProcess {
 public:
  SupervisedProcess(pid_t pid, UniqueFd pidfd, UniqueFd terminal, ProcessStreams streams);

  pid_t pid() const { return pid_; }
  // False: errno.
  bool Kill(int signal) const;
  void Resize(uint16_t rows, uint16_t columns) const;

  // Where what is said on the streams is to be read; -1: at its end. A terminal has all output on the first.
  int output() const { return terminal_ ? terminal_.get() : streams_.output.get(); }
  int error() const { return streams_.error.get(); }
  void CloseOutput(bool error);

  // -1: none, or closed.
  int input() const { return terminal_ ? terminal_.get() : streams_.input.get(); }
  bool HasPendingInput() const { return !pending_input_.empty(); }
  bool IsInputFull() const { return pending_input_.size() >= kMaxPendingInput; }
  void TakeInput(std::string_view bytes);
  void WritePendingInput();
  // After what is pending. A terminal's input ends with its terminal.
  void CloseInput();

  void SetTerminal(UniqueFd terminal) { terminal_ = std::move(terminal); }

  JsonLog::Partial output_line{"stdout", ""}, error_line{"stderr", ""};
  std::optional<int> exit_code;
  // While exec sets the process up: see StartingExec.
  UniqueFd sync;
  bool executing = false;
  bool discards_output = false;

 private:
  static constexpr size_t kMaxPendingInput = 64 << 10;

  pid_t pid_;
  UniqueFd pidfd_, terminal_;
  ProcessStreams streams_;
  std::string pending_input_;
  bool input_ends_ = false;
};

}  // namespace berth
