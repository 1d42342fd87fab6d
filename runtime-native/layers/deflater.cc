#include "layers/deflater.h"

#include <zlib.h>
#include <zstd.h>

#include <vector>

namespace berth {

namespace {

constexpr size_t kOutput = 256 * 1024;

class NoDeflater : public Deflater {
 public:
  Result<> Deflate(std::span<const uint8_t> input, bool, const Sink& sink) override {
    return input.empty() ? Result<>(Unit{}) : sink(input);
  }
};

class GzipDeflater : public Deflater {
 public:
  explicit GzipDeflater(int level) : output_(kOutput) {
    // Without a name and with time 0 in its header (zlib's default), so that it is reproducible.
    const int chosen = level == 0 ? Z_DEFAULT_COMPRESSION : level;
    initialized_ = deflateInit2(&stream_, chosen, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipDeflater() override {
    if (initialized_) deflateEnd(&stream_);
  }

  Result<> Deflate(std::span<const uint8_t> input, bool last, const Sink& sink) override {
    if (!initialized_) return RuleFailure("SYSTEM", "gzip does not know this compression level");
    stream_.next_in = const_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
    do {
      stream_.next_out = output_.data();
      stream_.avail_out = static_cast<uInt>(output_.size());
      deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      const size_t produced = output_.size() - stream_.avail_out;
      if (produced == 0) continue;
      auto taken = sink({output_.data(), produced});
      if (!taken) return taken.failure();
    } while (stream_.avail_out == 0);
    return Unit{};
  }

 private:
  z_stream stream_ = {};
  std::vector<uint8_t> output_;
  bool initialized_ = false;
};

class ZstdDeflater : public Deflater {
 public:
  explicit ZstdDeflater(int level) : context_(ZSTD_createCCtx()), output_(kOutput) {
    if (context_ == nullptr) return;
    initialized_ = !ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level));
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdDeflater() override { ZSTD_freeCCtx(context_); }

  Result<> Deflate(std::span<const uint8_t> input, bool last, const Sink& sink) override {
    if (!initialized_) return RuleFailure("SYSTEM", "zstd does not know this compression level");
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{output_.data(), output_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return RuleFailure("SYSTEM", std::string("zstd: ") + ZSTD_getErrorName(left));
      if (out.pos > 0) {
        auto taken = sink({output_.data(), out.pos});
        if (!taken) return taken.failure();
      }
      if (last ? left == 0 : in.pos == in.size) return Unit{};
    }
  }

 private:
  ZSTD_CCtx* context_;
  std::vector<uint8_t> output_;
  bool initialized_ = false;
};

}  // namespace

std::unique_ptr<Deflater> Deflater::Make(Compression compression, int level) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipDeflater>(level);
    case Compression::kZstd:
      return std::make_unique<ZstdDeflater>(level);
    case Compression::kNone:
      break;
  }
  return std::make_unique<NoDeflater>();
}

}  // namespace berth
