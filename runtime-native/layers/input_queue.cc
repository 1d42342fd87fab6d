#include "layers/input_queue.h"

#include <algorithm>
#include <cstring>

namespace berth {

namespace {

constexpr size_t kFullBytes = 4 * 1024 * 1024;
constexpr size_t kRoomBytes = 2 * 1024 * 1024;
// The first buffer must show what compression the stream has.
constexpr size_t kMinFirst = 512;

}  // namespace

bool InputQueue::Write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (!current_) current_ = pool_->Take();
    const auto room = current_->room();
    const size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    current_->size += count;
    bytes = bytes.subspan(count);
    if (current_->room().empty()) PushCurrent();
  }
  bool starving = false;
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    starving = items_.empty() && (first_pushed_ || (current_ && current_->size >= kMinFirst));
    full = waiting_bytes_ >= kFullBytes;
    writer_waits_ = full;
  }
  if (starving && current_) PushCurrent();
  return !full;
}

void InputQueue::PushCurrent() {
  std::lock_guard lock(mutex_);
  if (!cancelled_) {
    waiting_bytes_ += current_->size;
    items_.push_back(std::move(current_));
    first_pushed_ = true;
  } else {
    dropped_ = true;
  }
  current_.reset();
  filled_.notify_one();
}

void InputQueue::Close() {
  if (current_) PushCurrent();
  std::lock_guard lock(mutex_);
  closed_ = true;
  filled_.notify_all();
}

void InputQueue::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  dropped_ = dropped_ || !items_.empty();
  items_.clear();
  filled_.notify_all();
}

InputQueue::Popped InputQueue::Pop() {
  std::unique_lock lock(mutex_);
  filled_.wait(lock, [this] { return cancelled_ || closed_ || !items_.empty(); });
  Popped popped;
  if (cancelled_ || items_.empty()) {
    popped.ended = closed_ && !dropped_;
    return popped;
  }
  popped.buffer = std::move(items_.front());
  items_.pop_front();
  waiting_bytes_ -= popped.buffer->size;
  if (writer_waits_ && waiting_bytes_ <= kRoomBytes) {
    writer_waits_ = false;
    popped.room_again = true;
  }
  return popped;
}

}  // namespace berth
