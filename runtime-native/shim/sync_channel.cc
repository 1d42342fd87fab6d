#include "shim/sync_channel.h"

#include <sys/socket.h>

#include "shim/descriptor_passing.h"
#include "shim/wire.h"

namespace berth {

Result<SyncPair> SyncPair::Open() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return SystemFailure("start the container's process", "socketpair");
  return SyncPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool SendSync(int socket, SyncKind kind, int descriptor) {
  char byte = static_cast<char>(kind);
  return SendWithDescriptor(socket, {&byte, 1}, descriptor);
}

void SendSyncFailure(int socket, const Failure& failure) {
  WireWriter out;
  out.U8(static_cast<uint8_t>(SyncKind::kFailed));
  WriteFailure(out, failure);
  // write(2), not sendmsg(2): a seccomp filter that forbids sockets may already be in place.
  if (write(socket, out.bytes().data(), out.bytes().size()) < 0) return;
}

SyncMessage ReceiveSync(int socket) {
  char buffer[16384];
  SyncMessage message;
  ssize_t count = ReceiveWithDescriptor(socket, buffer, sizeof buffer, message.descriptor);
  if (count <= 0) return message;
  WireReader in(AsBytes({buffer, static_cast<size_t>(count)}));
  uint8_t kind = in.U8();
  if (kind >= static_cast<uint8_t>(SyncKind::kEnd)) return message;
  message.kind = static_cast<SyncKind>(kind);
  if (message.kind == SyncKind::kFailed) message.failure = ReadFailure(in);
  return message;
}

}  // namespace berth
