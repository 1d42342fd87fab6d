#include "core/printable.h"

namespace berth {

std::string Printable(std::string_view text) {
  static const char kHex[] = "0123456789abcdef";
  std::string printable;
  for (size_t i = 0; i < text.size(); i++) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, in UTF-8: terminals take them for control characters too.
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !c1) {
      printable += text[i];
      continue;
    }
    for (size_t end = i + (c1 ? 2 : 1); i < end; i++) {
      const auto hidden = static_cast<unsigned char>(text[i]);
      printable += std::string("\\x") + kHex[hidden >> 4] + kHex[hidden & 15];
    }
    i--;
  }
  return printable;
}

}  // namespace berth
