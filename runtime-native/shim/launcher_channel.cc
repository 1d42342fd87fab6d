#include "shim/launcher_channel.h"

#include <sys/socket.h>

#include "shim/descriptor_passing.h"
#include "shim/wire.h"

namespace berth {

namespace {

constexpr const char* kStep = "receive the launch plan";

Result<size_t> ReceivePacket(int socket, char* buffer, size_t size) {
  ssize_t count;
  do count = recv(socket, buffer, size, 0);
  while (count < 0 && errno == EINTR);
  if (count < 0) return SystemFailure(kStep, "recv");
  if (count == 0) return RuleFailure("INVALID_PLAN", "the launcher went away before the launch plan was complete");
  return static_cast<size_t>(count);
}

}  // namespace

Result<std::string> LauncherChannel::ReceivePlan() {
  char header[4];
  auto got = ReceivePacket(socket_.get(), header, sizeof header);
  if (!got.ok()) return std::move(got.failure());
  size_t length = WireReader(AsBytes({header, got.value()})).U32();
  if (length > kMaxPlanBytes) return RuleFailure("INVALID_PLAN", "the launch plan is too large");
  std::string plan(length, '\0');
  for (size_t at = 0; at < length;) {
    auto packet = ReceivePacket(socket_.get(), plan.data() + at, length - at);
    if (!packet.ok()) return std::move(packet.failure());
    at += packet.value();
  }
  return plan;
}

bool LauncherChannel::AnswerStarted(pid_t pid, int attach) {
  WireWriter out;
  out.U8(1).U32(static_cast<uint32_t>(pid)).U32(static_cast<uint32_t>(getpid()));
  return SendWithDescriptor(socket_.get(), out.bytes(), attach);
}

void LauncherChannel::AnswerFailed(const Failure& failure) {
  WireWriter out;
  out.U8(0);
  WriteFailure(out, failure);
  SendWithDescriptor(socket_.get(), out.bytes(), -1);
}

}  // namespace berth
