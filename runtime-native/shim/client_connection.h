#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "core/unique_fd.h"
#include "shim/protocol.h"

namespace berth {

class SupervisedProcess;

// One connection of the socket, with what has been read but makes no whole frame yet, and what could not be sent yet.
class ClientConnection {
 public:
  explicit ClientConnection(UniqueFd socket);

  int socket() const { return socket_.get(); }
  bool IsClosed() const { return !socket_; }
  void Close() { socket_.reset(); }

  // Reads once. False: the client will send nothing more.
  bool Receive();
  enum class Next { kFrame, kIncomplete, kMalformed };
  // The first whole frame; `payload` is valid until the next call.
  Next NextFrame(Request& request, std::string_view& payload);

  void Send(Answer answer, std::string_view payload);
  // Closes the connection when nobody is there.
  void Flush();
  bool HasOutput() const { return sent_ < outbox_.size(); }
  // So much is waiting that the process's output has to wait too.
  bool IsBehind() const { return outbox_.size() - sent_ >= kMaxWaiting; }
  time_t last_progress() const { return last_progress_; }

  // EXEC gave this connection to a process of its own, which may have ended since: then it is about none.
  bool is_exec = false;
  SupervisedProcess* exec = nullptr;
  // Streams of an attached connection.
  uint8_t streams = 0;
  bool sent_input = false;
  bool waiting = false;
  // Attached, or given to an exec: neither can be asked for twice.
  bool dedicated = false;
  bool input_ended = false;
  // The last answer has been given. A client that is still writing must not get an error before it has read that: its
  // side is read, and thrown away, until it closes.
  bool ends_when_flushed = false;
  bool HasEnded() const { return ended_; }

 private:
  static constexpr size_t kMaxWaiting = 256 << 10;

  UniqueFd socket_;
  std::string inbox_;
  size_t consumed_ = 0;
  std::string outbox_;
  size_t sent_ = 0;
  time_t last_progress_ = 0;
  bool ended_ = false;
};

time_t MonotonicSeconds();

}  // namespace berth
