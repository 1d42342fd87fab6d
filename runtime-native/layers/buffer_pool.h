#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace berth {

constexpr size_t kBufferCapacity = 256 * 1024;

// A block of bytes on its way through a pipeline; filled by one thread, then only read.
struct Buffer {
  std::unique_ptr<uint8_t[]> memory;
  size_t size = 0;

  std::span<uint8_t> room() { return {memory.get() + size, kBufferCapacity - size}; }
  std::span<const uint8_t> bytes() const { return {memory.get(), size}; }
};

using SharedBuffer = std::shared_ptr<Buffer>;

// Recycles the memory of buffers; how many exist is bounded by the queues they travel in.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  SharedBuffer Take();

 private:
  void Return(std::unique_ptr<uint8_t[]> memory);

  std::mutex mutex_;
  std::vector<std::unique_ptr<uint8_t[]>> free_;
};

}  // namespace berth
