#pragma once

#include "core/result.h"
#include "core/unique_fd.h"

// What the shim and a process that it is setting up tell each other, over a SEQPACKET socket that execve closes.
namespace berth {

struct SyncPair {
  UniqueFd shim, child;

  static Result<SyncPair> Open();
};

enum class SyncKind : uint8_t {
  // Shim to child: the user namespace has its maps.
  kMapped,
  // Child to shim: here is the pty's master.
  kConsole,
  // Child to shim: everything is set up; the socket's end without a failure now means that execve succeeded.
  kExecuting,
  // Child to shim: a failure, and the end.
  kFailed,
  // The other side closed the socket.
  kEnd,
};

struct SyncMessage {
  SyncKind kind = SyncKind::kEnd;
  // kConsole
  UniqueFd descriptor;
  // kFailed
  Failure failure;
};

bool SendSync(int socket, SyncKind kind, int descriptor = -1);
void SendSyncFailure(int socket, const Failure& failure);
// kEnd also for what cannot be read.
SyncMessage ReceiveSync(int socket);

}  // namespace berth
