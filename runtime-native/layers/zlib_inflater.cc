#include <zlib.h>

#include <algorithm>

#include "layers/gzip_members.h"
#include "layers/inflater.h"

namespace berth {

namespace {

// Node exports its own zlib (Chromium's, with SIMD), so nothing is linked for it.
class ZlibInflater : public Inflater {
 public:
  ZlibInflater() { initialized_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~ZlibInflater() override {
    if (initialized_) inflateEnd(&stream_);
  }

  Result<Step> Inflate(std::span<const uint8_t> input, std::span<uint8_t> output) override {
    if (!initialized_) return RuleFailure("SYSTEM", "zlib could not be initialized");
    stream_.next_in = const_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<uInt>(output.size());
    while (stream_.avail_out > 0) {
      if (between_members_) {
        if (stream_.avail_in == 0) break;
        const auto next = boundary_.Look(*stream_.next_in);
        if (next == GzipBoundary::Next::kGarbage) return RuleFailure("LAYER_INVALID", "garbage after the gzip stream");
        if (next == GzipBoundary::Next::kPadding) {
          stream_.next_in++;
          stream_.avail_in--;
          continue;
        }
        inflateReset(&stream_);
        between_members_ = false;
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status == Z_BUF_ERROR) {
        break;
      } else if (status != Z_OK) {
        return RuleFailure("LAYER_INVALID",
                           std::string("not valid gzip: ") + (stream_.msg != nullptr ? stream_.msg : "data error"));
      }
    }
    return Step{input.size() - stream_.avail_in, output.size() - stream_.avail_out};
  }

  bool AtEnd() const override { return between_members_; }

 private:
  z_stream stream_ = {};
  GzipBoundary boundary_;
  bool initialized_ = false;
  bool between_members_ = false;
};

}  // namespace

std::unique_ptr<Inflater> MakeZlibInflater() { return std::make_unique<ZlibInflater>(); }

}  // namespace berth
