// The stages in front of the tar: input, inflation, DiffID.
#include <unistd.h>

#include "layers/inflater.h"
#include "layers/unpack_pipeline.h"

namespace berth {

namespace {

// Below this nothing is a bomb, however well it is compressed.
constexpr uint64_t kRatioFrom = 64ULL << 20;

Result<> WriteBlob(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemFailure("write the blob's file", "write");
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Unit{};
}

}  // namespace

// Nothing: the end.
Result<SharedBuffer> UnpackPipeline::NextInput() {
  if (!input_file_) {
    auto popped = input_.Pop();
    if (popped.room_again) callbacks_.on_room();
    input_ended_ = popped.ended;
    return std::move(popped.buffer);
  }
  auto buffer = pool_->Take();
  while (!buffer->room().empty()) {
    const auto room = buffer->room();
    const ssize_t count = read(input_file_.get(), room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemFailure("read the layer", "read");
    if (count == 0) {
      input_ended_ = buffer->size == 0;
      break;
    }
    buffer->size += static_cast<size_t>(count);
  }
  if (buffer->size == 0) buffer.reset();
  return buffer;
}

Result<> UnpackPipeline::RunInput() {
  for (;;) {
    auto next = NextInput();
    if (!next) return next.failure();
    SharedBuffer& buffer = next.value();
    if (!buffer) break;
    if (!compressed_.Push(buffer)) return Unit{};
    digest_.Update(buffer->bytes());
    if (options_.expected_size && digest_.count() > *options_.expected_size) {
      return RuleFailure("DIGEST_MISMATCH",
                         "the layer has more than its " + std::to_string(*options_.expected_size) + " bytes");
    }
    if (blob_file_) {
      auto written = WriteBlob(blob_file_.get(), buffer->bytes());
      if (!written) return written.failure();
    }
  }
  compressed_.Close();
  return Unit{};
}

bool UnpackPipeline::Emit(SharedBuffer buffer) {
  if (buffer->size == 0) return true;
  return to_hash_.Push(buffer) && to_files_.Push(std::move(buffer));
}

Result<> UnpackPipeline::CheckSize(uint64_t produced, uint64_t consumed) const {
  if (produced > options_.limits.max_uncompressed_bytes) {
    return RuleFailure("LIMIT", "the layer is larger than " + std::to_string(options_.limits.max_uncompressed_bytes) +
                                    " bytes when inflated");
  }
  const double allowed = static_cast<double>(consumed) * options_.limits.max_ratio;
  if (produced > kRatioFrom && static_cast<double>(produced) > allowed) {
    return RuleFailure("LIMIT", "the layer inflates to more than " +
                                    std::to_string(static_cast<uint64_t>(options_.limits.max_ratio)) +
                                    " times its size");
  }
  return Unit{};
}

Result<> UnpackPipeline::RunInflate() {
  std::unique_ptr<Inflater> inflater;
  uint64_t consumed = 0;
  uint64_t produced = 0;
  bool first = true;
  SharedBuffer output;
  while (auto popped = compressed_.Pop()) {
    SharedBuffer input = std::move(*popped);
    if (std::exchange(first, false)) {
      compression_ = options_.compression.value_or(DetectCompression(input->bytes()));
      if (compression_ != Compression::kNone) inflater = Inflater::Make(compression_);
    }
    if (!inflater) {
      produced += input->size;
      auto checked = CheckSize(produced, produced);
      if (!checked) return checked.failure();
      if (!Emit(std::move(input))) return Unit{};
      continue;
    }
    for (auto bytes = input->bytes();;) {
      if (!output) output = pool_->Take();
      auto step = inflater->Inflate(bytes, output->room());
      if (!step) return step.failure();
      bytes = bytes.subspan(step.value().consumed);
      consumed += step.value().consumed;
      produced += step.value().produced;
      output->size += step.value().produced;
      auto checked = CheckSize(produced, consumed);
      if (!checked) return checked.failure();
      if (!output->room().empty()) {
        if (bytes.empty()) break;
        return RuleFailure("LAYER_INVALID", "the compressed layer cannot be inflated");
      }
      if (!Emit(std::exchange(output, nullptr))) return Unit{};
    }
  }
  {
    std::lock_guard lock(failure_mutex_);
    if (failure_) return Unit{};
  }
  if (first && options_.compression.value_or(Compression::kNone) != Compression::kNone) {
    return RuleFailure("LAYER_INVALID", "the compressed layer is empty");
  }
  if (inflater && !inflater->AtEnd()) {
    return RuleFailure("LAYER_INVALID",
                       std::string("the ") + std::string(CompressionName(compression_)) + " stream is cut off");
  }
  if (output && !Emit(std::move(output))) return Unit{};
  to_hash_.Close();
  to_files_.Close();
  return Unit{};
}

Result<> UnpackPipeline::RunHash() {
  while (auto buffer = to_hash_.Pop()) diff_id_.Update((*buffer)->bytes());
  return Unit{};
}

}  // namespace berth
