#include "layers/unpack_pipeline.h"

#include <fcntl.h>

#include <new>

#include "layers/tar_reader.h"

namespace berth {

namespace {

constexpr size_t kQueued = 8;

class QueueSource : public ByteSource {
 public:
  explicit QueueSource(BoundedQueue<SharedBuffer>& queue) : queue_(queue) {}

  Result<std::span<const uint8_t>> Peek() override {
    while (!buffer_ || offset_ == buffer_->size) {
      offset_ = 0;
      auto next = queue_.Pop();
      if (!next) {
        buffer_.reset();
        return std::span<const uint8_t>();
      }
      buffer_ = std::move(*next);
    }
    return buffer_->bytes().subspan(offset_);
  }

  void Skip(size_t count) override { offset_ += count; }

 private:
  BoundedQueue<SharedBuffer>& queue_;
  SharedBuffer buffer_;
  size_t offset_ = 0;
};

}  // namespace

UnpackPipeline::UnpackPipeline(UnpackOptions options, Callbacks callbacks)
    : options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      pool_(std::make_shared<BufferPool>()),
      input_(pool_),
      compressed_(kQueued),
      to_hash_(kQueued),
      to_files_(kQueued) {}

Result<std::unique_ptr<UnpackPipeline>> UnpackPipeline::Start(UnpackOptions options,
                                                              std::optional<std::string> input_file,
                                                              Callbacks callbacks) {
  std::unique_ptr<UnpackPipeline> pipeline(new UnpackPipeline(std::move(options), std::move(callbacks)));
  auto opened = pipeline->OpenFiles(input_file);
  if (!opened) return opened.failure();
  auto started = pipeline->StartThreads();
  if (!started) {
    pipeline->Abort();
    return started.failure();
  }
  return pipeline;
}

Result<> UnpackPipeline::OpenFiles(const std::optional<std::string>& input_file) {
  auto writer = LayerWriter::Open(options_.target, options_.userxattr, options_.limits);
  if (!writer) return writer.failure();
  writer_ = std::move(writer.value());
  if (input_file) {
    input_file_.reset(open(input_file->c_str(), O_RDONLY | O_CLOEXEC));
    if (!input_file_) return SystemFailure("open the layer", "open", *input_file);
    posix_fadvise(input_file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  if (options_.blob_file) {
    blob_file_.reset(open(options_.blob_file->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!blob_file_) return SystemFailure("make the blob's file", "open", *options_.blob_file);
  }
  return Unit{};
}

Result<> UnpackPipeline::StartThreads() {
  const struct {
    Thread& thread;
    const char* name;
    Result<> (UnpackPipeline::*stage)();
  } stages[] = {{input_thread_, "berth-input", &UnpackPipeline::RunInput},
                {inflate_thread_, "berth-inflate", &UnpackPipeline::RunInflate},
                {hash_thread_, "berth-diffid", &UnpackPipeline::RunHash}};
  for (const auto& stage : stages) {
    auto started =
        Thread::Start(stage.name, [this, run = stage.stage] { Guard([this, run] { return (this->*run)(); }); });
    if (!started) return started.failure();
    stage.thread = std::move(started.value());
  }
  auto started = Thread::Start("berth-files", [this] {
    Guard([this] { return RunFiles(); });
    input_thread_.Join();
    inflate_thread_.Join();
    hash_thread_.Join();
    auto result = Conclude();
    writer_.reset();
    callbacks_.on_done(std::move(result));
  });
  if (!started) return started.failure();
  files_thread_ = std::move(started.value());
  return Unit{};
}

UnpackPipeline::~UnpackPipeline() {
  Abort();
  files_thread_.Join();
}

void UnpackPipeline::Guard(const std::function<Result<>()>& stage) {
  try {
    auto result = stage();
    if (!result) Fail(std::move(result.failure()));
  } catch (const std::bad_alloc&) {
    Fail(SystemFailure("unpack the layer", "malloc", "", ENOMEM));
  }
}

void UnpackPipeline::Fail(Failure failure) {
  {
    std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  input_.Cancel();
  compressed_.Cancel();
  to_hash_.Cancel();
  to_files_.Cancel();
}

void UnpackPipeline::Abort() { Fail(RuleFailure("ABORTED", "unpacking was aborted")); }

Result<> UnpackPipeline::RunFiles() {
  QueueSource source(to_files_);
  TarReader reader(source);
  for (;;) {
    auto entry = reader.Next();
    if (!entry) return entry.failure();
    if (!entry.value()) break;
    auto added = writer_->Add(*entry.value(), reader);
    if (!added) return added.failure();
  }
  auto drained = reader.Drain();
  if (!drained) return drained.failure();
  {
    // A cancelled queue looks like the end of the stream.
    std::lock_guard lock(failure_mutex_);
    if (failure_) return Unit{};
  }
  return writer_->Finish();
}

Result<UnpackResult> UnpackPipeline::Conclude() {
  std::lock_guard lock(failure_mutex_);
  const std::string digest = input_ended_ ? digest_.Digest() : "";
  const bool wrong_digest = input_ended_ && options_.expected_digest && *options_.expected_digest != digest;
  // Bytes that are not the layer's are most often no layer at all: what is wrong then is the bytes.
  if (failure_ && !(wrong_digest && failure_->code == "LAYER_INVALID")) return *failure_;
  if (wrong_digest) {
    return RuleFailure("DIGEST_MISMATCH",
                       "the layer's bytes have the digest " + digest + " instead of " + *options_.expected_digest);
  }
  if (options_.expected_size && *options_.expected_size != digest_.count()) {
    return RuleFailure("DIGEST_MISMATCH", "the layer has " + std::to_string(digest_.count()) + " bytes instead of " +
                                              std::to_string(*options_.expected_size));
  }
  UnpackResult result;
  result.diff_id = diff_id_.Digest();
  if (options_.expected_diff_id && *options_.expected_diff_id != result.diff_id) {
    return RuleFailure("DIGEST_MISMATCH", "the layer's tar has the digest (DiffID) " + result.diff_id + " instead of " +
                                              *options_.expected_diff_id);
  }
  result.digest = digest;
  result.size = digest_.count();
  result.uncompressed_size = diff_id_.count();
  result.content_size = writer_->content_size();
  result.compression = compression_;
  result.entries = writer_->entries();
  result.implied_directories = writer_->ImpliedDirectories();
  result.warnings = std::move(writer_->warnings());
  return result;
}

}  // namespace berth
