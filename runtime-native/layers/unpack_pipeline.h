#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/bounded_queue.h"
#include "core/result.h"
#include "core/sha256.h"
#include "core/thread.h"
#include "core/unique_fd.h"
#include "layers/buffer_pool.h"
#include "layers/input_queue.h"
#include "layers/layer_writer.h"
#include "layers/unpack_options.h"

namespace berth {

// One layer on its way to disk, in four threads:
//   input    bytes that come in -> SHA-256 and the blob file
//   inflate  -> tar
//   diffid   SHA-256 of the tar
//   files    tar -> files; waits for the others and ends the pipeline
class UnpackPipeline {
 public:
  struct Callbacks {
    // Both are called in a thread of the pipeline. There is room for more after Write() was false.
    std::function<void()> on_room;
    // Once, at the very end; the pipeline touches nothing afterwards.
    std::function<void(Result<UnpackResult>)> on_done;
  };

  // Fed by Write(), or from `input_file`.
  static Result<std::unique_ptr<UnpackPipeline>> Start(UnpackOptions options, std::optional<std::string> input_file,
                                                       Callbacks callbacks);
  // Aborts and waits for the threads.
  ~UnpackPipeline();

  // One thread may write and close. False: wait for on_room.
  bool Write(std::span<const uint8_t> bytes) { return input_.Write(bytes); }
  void CloseInput() { input_.Close(); }
  // The pipeline ends with a failure of code ABORTED unless it has failed or ended already.
  void Abort();

 private:
  explicit UnpackPipeline(UnpackOptions options, Callbacks callbacks);

  Result<> OpenFiles(const std::optional<std::string>& input_file);
  Result<> StartThreads();
  // The failure that came first stays.
  void Fail(Failure failure);
  void Guard(const std::function<Result<>()>& stage);

  Result<> RunInput();
  Result<SharedBuffer> NextInput();
  Result<> RunInflate();
  Result<> RunHash();
  Result<> RunFiles();
  bool Emit(SharedBuffer buffer);
  Result<> CheckSize(uint64_t produced, uint64_t consumed) const;
  Result<UnpackResult> Conclude();

  const UnpackOptions options_;
  const Callbacks callbacks_;
  const std::shared_ptr<BufferPool> pool_;

  InputQueue input_;
  UniqueFd input_file_;
  UniqueFd blob_file_;
  BoundedQueue<SharedBuffer> compressed_;
  BoundedQueue<SharedBuffer> to_hash_;
  BoundedQueue<SharedBuffer> to_files_;

  Sha256 digest_;
  Sha256 diff_id_;
  bool input_ended_ = false;
  Compression compression_ = Compression::kNone;
  std::unique_ptr<LayerWriter> writer_;

  std::mutex failure_mutex_;
  std::optional<Failure> failure_;

  Thread input_thread_;
  Thread inflate_thread_;
  Thread hash_thread_;
  Thread files_thread_;
};

}  // namespace berth
