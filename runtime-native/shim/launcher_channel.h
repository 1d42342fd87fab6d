#pragma once

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// The SEQPACKET socket to whoever started the shim (addon/launch_binding.cc): one u32 with the length of the plan, the
// plan in packets, and one answer back.
class LauncherChannel {
 public:
  explicit LauncherChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  Result<std::string> ReceivePlan();

  // [u8 1][u32 pid][u32 shim's pid], with the attach connection when there is one. False: nobody is there to hear it.
  bool AnswerStarted(pid_t pid, int attach);
  // [u8 0][failure]
  void AnswerFailed(const Failure& failure);

 private:
  UniqueFd socket_;
};

// Larger than any environment that execve would take.
constexpr size_t kMaxPlanBytes = 16 << 20;
constexpr size_t kPlanPacketBytes = 64 << 10;

}  // namespace berth
