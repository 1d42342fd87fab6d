#include "shim/client_connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "shim/wire.h"

namespace berth {

namespace {
constexpr size_t kReceiveBytes = 16 << 10;
}

time_t MonotonicSeconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

ClientConnection::ClientConnection(UniqueFd socket) : socket_(std::move(socket)) {}

bool ClientConnection::Receive() {
  char buffer[kReceiveBytes];
  ssize_t count = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  if (ended_) return true;
  inbox_.erase(0, consumed_);
  consumed_ = 0;
  inbox_.append(buffer, static_cast<size_t>(count));
  return true;
}

ClientConnection::Next ClientConnection::NextFrame(Request& request, std::string_view& payload) {
  std::string_view rest = std::string_view(inbox_).substr(consumed_);
  if (rest.size() >= kFrameHeaderBytes) {
    WireReader header(AsBytes(rest));
    uint8_t type = header.U8();
    size_t length = header.U32();
    size_t limit = MaxPayload(type);
    if (limit == SIZE_MAX || length > limit) return Next::kMalformed;
    if (rest.size() >= kFrameHeaderBytes + length) {
      request = static_cast<Request>(type);
      payload = rest.substr(kFrameHeaderBytes, length);
      consumed_ += kFrameHeaderBytes + length;
      return Next::kFrame;
    }
  } else if (rest.empty()) {
    inbox_ = std::string();
    consumed_ = 0;
  }
  return Next::kIncomplete;
}

void ClientConnection::Send(Answer answer, std::string_view payload) {
  if (IsClosed() || ended_) return;
  if (!HasOutput()) last_progress_ = MonotonicSeconds();
  if (sent_ >= kMaxWaiting) {
    outbox_.erase(0, sent_);
    sent_ = 0;
  }
  WireWriter header;
  header.U8(static_cast<uint8_t>(answer)).U32(static_cast<uint32_t>(payload.size()));
  outbox_.append(header.bytes()).append(payload);
  Flush();
}

void ClientConnection::Flush() {
  while (HasOutput()) {
    ssize_t count = send(socket_.get(), outbox_.data() + sent_, outbox_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return Close();
    sent_ += static_cast<size_t>(count);
    last_progress_ = MonotonicSeconds();
  }
  outbox_ = std::string();
  sent_ = 0;
  if (!ends_when_flushed || ended_) return;
  ended_ = true;
  if (input_ended || shutdown(socket_.get(), SHUT_WR) < 0) Close();
}

}  // namespace berth
