#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>

#include "layers/buffer_pool.h"

namespace berth {

// Takes bytes from a thread that must not wait (JavaScript's), gathered into whole buffers.
class InputQueue {
 public:
  explicit InputQueue(std::shared_ptr<BufferPool> pool) : pool_(std::move(pool)) {}

  // Copies `bytes`. False: the queue is full enough; RoomWanted() was noted, and Pop() tells when there is room again.
  bool Write(std::span<const uint8_t> bytes);
  void Close();
  void Cancel();

  struct Popped {
    SharedBuffer buffer;
    // The writer was told to wait, and may go on.
    bool room_again = false;
    // Without a buffer: everything that was written was handed out, rather than dropped by Cancel().
    bool ended = false;
  };
  // Waits. No buffer: closed and empty, or cancelled.
  Popped Pop();

 private:
  void PushCurrent();

  const std::shared_ptr<BufferPool> pool_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<SharedBuffer> items_;
  // Being filled; only the writer's thread touches it.
  SharedBuffer current_;
  size_t waiting_bytes_ = 0;
  bool first_pushed_ = false;
  bool writer_waits_ = false;
  bool closed_ = false;
  bool cancelled_ = false;
  bool dropped_ = false;
};

}  // namespace berth
