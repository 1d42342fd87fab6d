#pragma once

#include <cstddef>
#include <cstdint>

// The socket's protocol: runtime-native/shim-protocol.ts describes it.
namespace berth {

enum class Request : uint8_t { kAttach = 1, kStdin, kCloseStdin, kResize, kExec, kKill, kWait };
enum class Answer : uint8_t { kStarted = 128, kStdout, kStderr, kExit, kError, kDone };

constexpr size_t kFrameHeaderBytes = 5;
constexpr uint8_t kStreamStdin = 1, kStreamStdout = 2, kStreamStderr = 4;

// The largest payload that a client may send; SIZE_MAX for what is no request at all.
constexpr size_t MaxPayload(uint8_t type) {
  switch (static_cast<Request>(type)) {
    case Request::kAttach:
      return 1;
    case Request::kStdin:
      return 64 << 10;
    case Request::kResize:
    case Request::kKill:
      return 4;
    case Request::kExec:
      return 4 << 20;
    case Request::kCloseStdin:
    case Request::kWait:
      return 0;
  }
  return SIZE_MAX;
}

}  // namespace berth
