#include "layers/buffer_pool.h"

namespace berth {

SharedBuffer BufferPool::Take() {
  auto buffer = std::make_unique<Buffer>();
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      buffer->memory = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!buffer->memory) buffer->memory.reset(new uint8_t[kBufferCapacity]);
  return SharedBuffer(buffer.release(), [pool = shared_from_this()](Buffer* used) {
    pool->Return(std::move(used->memory));
    delete used;
  });
}

void BufferPool::Return(std::unique_ptr<uint8_t[]> memory) {
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(memory));
}

}  // namespace berth
