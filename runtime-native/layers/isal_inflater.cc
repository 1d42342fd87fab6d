#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "layers/gzip_members.h"
#include "layers/inflater.h"

namespace berth {

namespace {

// The head of ISA-L's struct inflate_state (libisal 2.30 and 2.31, soname 2), as far as it is needed here. Debian ships
// the library without a static archive, and it is optional, so its header is not required to build: TrySample() checks
// at run time that this is how the library sees it.
struct IsalState {
  uint8_t* next_out;
  uint32_t avail_out;
  uint32_t total_out;
  const uint8_t* next_in;
  uint64_t read_in;
  uint32_t avail_in;
  int32_t read_in_length;
  uint8_t tables[21120];
  int32_t block_state;
  uint32_t dict_length;
  uint32_t bfinal;
  uint32_t crc_flag;
  uint32_t crc;
};
static_assert(offsetof(IsalState, block_state) == 21160 && offsetof(IsalState, crc_flag) == 21172);

constexpr size_t kStateSize = 87368;
// What follows the state, to notice a library whose state is larger.
constexpr size_t kGuardSize = 64 * 1024;
constexpr uint8_t kGuardByte = 0xa5;

constexpr uint32_t kCrcFlagGzip = 1;
constexpr int32_t kStateFinish = 5;
constexpr int kEndOfInput = 1;

struct IsalLibrary {
  void (*init)(void*);
  void (*reset)(void*);
  int (*inflate)(void*);
};

class IsalInflater : public Inflater {
 public:
  explicit IsalInflater(const IsalLibrary& library)
      : library_(library), memory_(kStateSize + kGuardSize, kGuardByte), state_(new (memory_.data()) IsalState) {
    library_.init(state_);
    state_->crc_flag = kCrcFlagGzip;
  }

  Result<Step> Inflate(std::span<const uint8_t> input, std::span<uint8_t> output) override {
    state_->next_in = input.data();
    state_->avail_in = static_cast<uint32_t>(input.size());
    state_->next_out = output.data();
    state_->avail_out = static_cast<uint32_t>(output.size());
    while (state_->avail_out > 0) {
      if (between_members_) {
        if (state_->avail_in == 0) break;
        const auto next = boundary_.Look(*state_->next_in);
        if (next == GzipBoundary::Next::kGarbage) return RuleFailure("LAYER_INVALID", "garbage after the gzip stream");
        if (next == GzipBoundary::Next::kPadding) {
          state_->next_in++;
          state_->avail_in--;
          continue;
        }
        library_.reset(state_);
        state_->crc_flag = kCrcFlagGzip;
        between_members_ = false;
      }
      const uint32_t in_before = state_->avail_in;
      const uint32_t out_before = state_->avail_out;
      const int status = library_.inflate(state_);
      if (status < 0) {
        return RuleFailure("LAYER_INVALID", status == -4 ? "not valid gzip: bad header or checksum"
                                                         : "not valid gzip: bad deflate data");
      }
      if (state_->block_state == kStateFinish) {
        between_members_ = true;
      } else if (status == kEndOfInput || (state_->avail_in == in_before && state_->avail_out == out_before)) {
        break;
      }
    }
    return Step{input.size() - state_->avail_in, output.size() - state_->avail_out};
  }

  bool AtEnd() const override { return between_members_; }

  bool GuardIntact() const {
    for (size_t i = kStateSize; i < memory_.size(); i++) {
      if (memory_[i] != kGuardByte) return false;
    }
    return true;
  }

 private:
  const IsalLibrary& library_;
  std::vector<uint8_t> memory_;
  IsalState* const state_;
  GzipBoundary boundary_;
  bool between_members_ = false;
};

// Two gzip members, one of a Huffman block and one stored, taken in pieces of seven bytes: if the library lays out its
// state in another way, the answer is wrong or the guard is hurt.
bool TrySample(const IsalLibrary& library) {
  static const uint8_t kSample[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x4a,
                                    0x2d, 0x2a, 0xc9, 0x50, 0x48, 0xc2, 0x47, 0x72, 0x01, 0x00, 0x74, 0xef,
                                    0x43, 0x03, 0x24, 0x00, 0x00, 0x00, 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
                                    0x00, 0x00, 0x04, 0x03, 0x01, 0x06, 0x00, 0xf9, 0xff, 0x62, 0x65, 0x72,
                                    0x74, 0x68, 0x0a, 0xe5, 0x57, 0x13, 0x7a, 0x06, 0x00, 0x00, 0x00};
  static const char kExpected[] = "berth berth berth berth berth berth\nberth\n";
  constexpr size_t kPiece = 7;

  IsalInflater inflater(library);
  std::string text;
  for (size_t offset = 0; offset < sizeof kSample;) {
    const size_t length = std::min(kPiece, sizeof kSample - offset);
    uint8_t output[kPiece];
    auto step = inflater.Inflate({kSample + offset, length}, output);
    if (!step || !inflater.GuardIntact() || step.value().produced > kPiece || step.value().consumed > length)
      return false;
    text.append(reinterpret_cast<char*>(output), step.value().produced);
    offset += step.value().consumed;
    if (step.value().consumed == 0 && step.value().produced == 0) return false;
  }
  return inflater.AtEnd() && text == kExpected;
}

const IsalLibrary* LoadIsal() {
  static const IsalLibrary* const loaded = []() -> const IsalLibrary* {
    void* handle = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return nullptr;
    static IsalLibrary library;
    library.init = reinterpret_cast<void (*)(void*)>(dlsym(handle, "isal_inflate_init"));
    library.reset = reinterpret_cast<void (*)(void*)>(dlsym(handle, "isal_inflate_reset"));
    library.inflate = reinterpret_cast<int (*)(void*)>(dlsym(handle, "isal_inflate"));
    if (library.init == nullptr || library.reset == nullptr || library.inflate == nullptr) return nullptr;
    return TrySample(library) ? &library : nullptr;
  }();
  return loaded;
}

}  // namespace

std::unique_ptr<Inflater> MakeIsalInflater() {
  const IsalLibrary* library = LoadIsal();
  return library == nullptr ? nullptr : std::make_unique<IsalInflater>(*library);
}

}  // namespace berth
