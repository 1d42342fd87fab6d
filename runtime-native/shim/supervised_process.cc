#include "shim/supervised_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include <cerrno>

namespace berth {

SupervisedProcess::SupervisedProcess(pid_t pid, UniqueFd pidfd, UniqueFd terminal, ProcessStreams streams)
    : pid_(pid), pidfd_(std::move(pidfd)), terminal_(std::move(terminal)), streams_(std::move(streams)) {}

bool SupervisedProcess::Kill(int signal) const {
  return syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0;
}

void SupervisedProcess::Resize(uint16_t rows, uint16_t columns) const {
  winsize size = {rows, columns, 0, 0};
  if (terminal_) ioctl(terminal_.get(), TIOCSWINSZ, &size);
}

void SupervisedProcess::CloseOutput(bool error) {
  if (error) {
    streams_.error.reset();
  } else if (terminal_) {
    terminal_.reset();
    pending_input_ = std::string();
  } else {
    streams_.output.reset();
  }
}

void SupervisedProcess::TakeInput(std::string_view bytes) {
  if (input() < 0 || input_ends_) return;
  pending_input_.append(bytes);
  WritePendingInput();
}

void SupervisedProcess::WritePendingInput() {
  while (!pending_input_.empty()) {
    ssize_t written = write(input(), pending_input_.data(), pending_input_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) {
      // The process reads no more.
      pending_input_ = std::string();
      streams_.input.reset();
      return;
    }
    pending_input_.erase(0, static_cast<size_t>(written));
  }
  pending_input_ = std::string();
  if (input_ends_) streams_.input.reset();
}

void SupervisedProcess::CloseInput() {
  if (terminal_) return;
  input_ends_ = true;
  if (pending_input_.empty()) streams_.input.reset();
}

}  // namespace berth
