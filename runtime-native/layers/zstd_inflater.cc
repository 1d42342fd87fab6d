#include <zstd.h>

#include "layers/inflater.h"

namespace berth {

namespace {

// A window of 128 MiB, as the zstd command allows without --long: what a hostile frame can make us hold.
constexpr int kWindowLogMax = 27;

class ZstdInflater : public Inflater {
 public:
  ZstdInflater() : stream_(ZSTD_createDStream()) {
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~ZstdInflater() override { ZSTD_freeDStream(stream_); }

  Result<Step> Inflate(std::span<const uint8_t> input, std::span<uint8_t> output) override {
    if (stream_ == nullptr) return RuleFailure("SYSTEM", "zstd could not be initialized");
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    while (out.pos < out.size) {
      const size_t before = in.pos + out.pos;
      if (at_end_ && in.pos == in.size) break;
      const size_t status = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(status)) {
        return RuleFailure("LAYER_INVALID", std::string("not valid zstd: ") + ZSTD_getErrorName(status));
      }
      at_end_ = status == 0;
      if (in.pos + out.pos == before) break;
    }
    return Step{in.pos, out.pos};
  }

  bool AtEnd() const override { return at_end_; }

 private:
  ZSTD_DStream* stream_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<Inflater> MakeZstdInflater() { return std::make_unique<ZstdInflater>(); }

}  // namespace berth
