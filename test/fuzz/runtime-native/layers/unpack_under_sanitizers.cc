// Runs the layer code, without Node, over layers and over random damage to them; built with sanitizers by
// tooling/test-native-core.mjs, which says how. Exit status 0: no sanitizer had anything to say.
//   unpack_under_sanitizers DIRECTORY ROUNDS FILE...
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <random>
#include <vector>

#include "core/tree_removal.h"
#include "layers/pack_layer.h"
#include "layers/tar_reader.h"
#include "layers/unpack_pipeline.h"

namespace {

using namespace berth;
using Bytes = std::vector<uint8_t>;

// Hands out the bytes in pieces of a length that does not divide a tar's blocks.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  Result<std::span<const uint8_t>> Peek() override {
    // A copy of its own, so that reading past it is noticed.
    piece_.assign(bytes_.begin(), bytes_.begin() + static_cast<long>(std::min<size_t>(bytes_.size(), 331)));
    return std::span<const uint8_t>(piece_);
  }
  void Skip(size_t count) override { bytes_ = bytes_.subspan(count); }

 private:
  std::span<const uint8_t> bytes_;
  Bytes piece_;
};

void ReadTar(std::span<const uint8_t> bytes) {
  MemorySource source(bytes);
  TarReader reader(source);
  for (;;) {
    auto entry = reader.Next();
    if (!entry || !entry.value()) return;
    for (;;) {
      auto piece = reader.ReadContent();
      if (!piece || piece.value().empty()) break;
    }
  }
}

// How it ended: "ok", or the code of the failure.
std::string Unpack(const std::string& directory, const Bytes& layer, bool abort) {
  const std::string target = directory + "/target";
  mkdir(target.c_str(), 0755);
  UnpackOptions options;
  options.target = target;
  options.limits.max_uncompressed_bytes = 64 << 20;
  std::promise<std::string> done;
  UnpackPipeline::Callbacks callbacks;
  callbacks.on_room = [] {};
  callbacks.on_done = [&](Result<UnpackResult> result) { done.set_value(result ? "ok" : result.failure().code); };
  auto future = done.get_future();
  auto pipeline = UnpackPipeline::Start(std::move(options), std::nullopt, std::move(callbacks));
  if (!pipeline) return "not started";
  pipeline.value()->Write(layer);
  if (abort) {
    pipeline.value()->Abort();
  } else {
    pipeline.value()->CloseInput();
  }
  const std::string code = future.get();
  pipeline.value().reset();
  if (code == "ok") {
    PackOptions pack;
    pack.source = target;
    pack.output = directory + "/packed";
    pack.compression = Compression::kZstd;
    pack.overlay_whiteouts = true;
    if (PackLayer(pack)) unlink(pack.output.c_str());
  }
  if (!RemoveTree(target)) std::abort();
  return code;
}

Bytes Damage(Bytes bytes, std::mt19937& random) {
  const auto below = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
  for (size_t changes = 1 + below(6); changes > 0 && !bytes.empty(); changes--) {
    switch (below(5)) {
      case 0:
        bytes[below(bytes.size())] = static_cast<uint8_t>(below(256));
        break;
      case 1:
        bytes[below(bytes.size())] ^= static_cast<uint8_t>(1 << below(8));
        break;
      case 2:
        bytes.resize(below(bytes.size()) + 1);
        break;
      case 3: {
        const size_t from = below(bytes.size());
        const size_t length = std::min<size_t>(bytes.size() - from, 512 * below(4));
        const Bytes piece(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(from + length));
        bytes.insert(bytes.begin() + static_cast<long>(below(bytes.size())), piece.begin(), piece.end());
        break;
      }
      default:
        bytes[below(bytes.size())] = "0179xgLKS\0\xff/ ."[below(14)];
    }
  }
  return bytes;
}

// A changed header with its old checksum would be refused at once, and nothing behind the check be tried.
void RepairChecksums(Bytes& tar) {
  for (size_t block = 0; block + kTarBlock <= tar.size(); block += kTarBlock) {
    uint8_t* const header = tar.data() + block;
    if (std::string_view(reinterpret_cast<char*>(header) + 257, 5) != "ustar") continue;
    std::fill_n(header + 148, 8, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < kTarBlock; i++) sum += header[i];
    std::snprintf(reinterpret_cast<char*>(header) + 148, 8, "%06o", sum);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadTar({data, size});
  return 0;
}

#ifndef BERTH_LIBFUZZER
int main(int argc, char** argv) {
  const std::string directory = argv[1];
  const int rounds = std::atoi(argv[2]);
  std::mt19937 random(20);
  int outcomes = 0;
  for (int i = 3; i < argc; i++) {
    std::ifstream file(argv[i], std::ios::binary);
    const Bytes layer{std::istreambuf_iterator<char>(file), {}};
    std::printf("%s: %s\n", argv[i], Unpack(directory, layer, false).c_str());
    if (Unpack(directory, layer, true) == "not started") return 1;
    for (int round = 0; round < rounds; round++) {
      Bytes damaged = Damage(layer, random);
      if (round % 2 == 0) RepairChecksums(damaged);
      ReadTar(damaged);
      if (round % 8 == 0 && Unpack(directory, damaged, round % 64 == 0) != "ok") outcomes++;
    }
  }
  std::printf("%d damaged layers were refused\n", outcomes);
  return outcomes > 0 || rounds == 0 ? 0 : 1;
}
#endif
