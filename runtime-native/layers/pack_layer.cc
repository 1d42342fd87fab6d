#include "layers/pack_layer.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

#include "core/bounded_queue.h"
#include "core/sha256.h"
#include "core/thread.h"
#include "core/unique_fd.h"
#include "layers/buffer_pool.h"
#include "layers/deflater.h"
#include "layers/tar_writer.h"
#include "layers/tree_walk.h"

namespace berth {

namespace {

constexpr size_t kQueued = 8;

// tree -> tar (this thread) -> SHA-256 (DiffID), and -> compressor -> SHA-256 -> file.
class Packer {
 public:
  explicit Packer(const PackOptions& options) : options_(options), to_hash_(kQueued), to_deflate_(kQueued) {}

  Result<PackResult> Run() {
    if (options_.output_fd >= 0) {
      output_.reset(fcntl(options_.output_fd, F_DUPFD_CLOEXEC, 0));
      if (!output_) return SystemFailure("write the packed layer", "fcntl");
      return RunThreads();
    }
    output_.reset(open(options_.output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!output_) return SystemFailure("make the packed layer's file", "open", options_.output);
    auto packed = RunThreads();
    if (!packed) unlink(options_.output.c_str());
    return packed;
  }

 private:
  Result<PackResult> RunThreads() {
    auto hash = Thread::Start("berth-diffid", [this] {
      while (auto buffer = to_hash_.Pop()) diff_id_.Update((*buffer)->bytes());
    });
    if (!hash) return hash.failure();
    auto deflate = Thread::Start("berth-deflate", [this] { RunDeflate(); });
    if (!deflate) {
      to_hash_.Close();
      return deflate.failure();
    }
    auto walked = WriteTar();
    if (!walked) Cancel();
    to_hash_.Close();
    to_deflate_.Close();
    hash.value().Join();
    deflate.value().Join();
    if (deflate_failure_) return *deflate_failure_;
    if (!walked) return walked.failure();
    result_.digest = digest_.Digest();
    result_.size = digest_.count();
    result_.diff_id = diff_id_.Digest();
    result_.uncompressed_size = diff_id_.count();
    return result_;
  }

  void Cancel() {
    to_hash_.Cancel();
    to_deflate_.Cancel();
  }

  Result<> WriteTar() {
    TarWriter writer([this](std::span<const uint8_t> bytes) { return Append(bytes); });
    TreeWalk::Visitor visitor;
    visitor.entry = [&](const TarEntry& entry) {
      result_.entries++;
      result_.content_size += entry.size;
      return writer.AddHeader(entry);
    };
    visitor.content = [&](std::span<const uint8_t> bytes) { return writer.AddContent(bytes); };
    visitor.content_end = [&] { return writer.EndContent(); };
    auto walked = TreeWalk(std::move(visitor), options_.overlay_whiteouts).Walk(options_.source);
    if (!walked) return walked.failure();
    auto finished = writer.Finish();
    if (!finished) return finished.failure();
    return current_ ? Push() : Result<>(Unit{});
  }

  Result<> Append(std::span<const uint8_t> bytes) {
    if (options_.cancelled && options_.cancelled->load(std::memory_order_relaxed)) return GivenUp();
    while (!bytes.empty()) {
      if (!current_) current_ = pool_->Take();
      const auto room = current_->room();
      const size_t count = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), count);
      current_->size += count;
      bytes = bytes.subspan(count);
      if (!current_->room().empty()) continue;
      auto pushed = Push();
      if (!pushed) return pushed.failure();
    }
    return Unit{};
  }

  Result<> Push() {
    SharedBuffer buffer = std::move(current_);
    if (to_hash_.Push(buffer) && to_deflate_.Push(std::move(buffer))) return Unit{};
    return GivenUp();
  }

  static Failure GivenUp() { return RuleFailure("ABORTED", "packing was given up"); }

  void RunDeflate() {
    const auto deflater = Deflater::Make(options_.compression, options_.level);
    const auto sink = [this](std::span<const uint8_t> bytes) { return WriteOutput(bytes); };
    Result<> status = Unit{};
    while (auto buffer = to_deflate_.Pop()) {
      status = deflater->Deflate((*buffer)->bytes(), false, sink);
      if (!status) break;
    }
    if (status) status = deflater->Deflate({}, true, sink);
    if (status) return;
    deflate_failure_ = status.failure();
    Cancel();
  }

  Result<> WriteOutput(std::span<const uint8_t> bytes) {
    digest_.Update(bytes);
    while (!bytes.empty()) {
      const ssize_t count = write(output_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) {
        // A pipe that another of its users has made non-blocking.
        pollfd room = {output_.get(), POLLOUT, 0};
        poll(&room, 1, -1);
        continue;
      }
      if (count < 0) return SystemFailure("write the packed layer", "write", options_.output);
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return Unit{};
  }

  const PackOptions& options_;
  UniqueFd output_;
  std::shared_ptr<BufferPool> pool_ = std::make_shared<BufferPool>();
  BoundedQueue<SharedBuffer> to_hash_;
  BoundedQueue<SharedBuffer> to_deflate_;
  SharedBuffer current_;
  Sha256 digest_;
  Sha256 diff_id_;
  PackResult result_;
  // Written by the compressor's thread, read once it has ended.
  std::optional<Failure> deflate_failure_;
};

}  // namespace

Result<PackResult> PackLayer(const PackOptions& options) { return Packer(options).Run(); }

}  // namespace berth
