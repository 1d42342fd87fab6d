#include "shim/json_text.h"

#include <cstdint>

namespace berth {

namespace {

// Length of the well-formed UTF-8 sequence that `bytes` begins with; 0: none (Unicode 15, table 3-7).
size_t Utf8Length(std::string_view bytes) {
  auto at = [&](size_t i) { return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0; };
  auto follows = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  uint8_t first = static_cast<uint8_t>(at(0));
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

void AppendCodeUnit(std::string& out, unsigned unit) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15];
}

}  // namespace

void AppendJsonEscaped(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    char c = bytes[0];
    size_t length = Utf8Length(bytes);
    if (length == 0) {
      out += "\\ufffd";
      length = 1;
    } else if (length > 1) {
      // JavaScript's line separators.
      if (bytes.starts_with("\xe2\x80\xa8")) {
        out += "\\u2028";
      } else if (bytes.starts_with("\xe2\x80\xa9")) {
        out += "\\u2029";
      } else {
        out += bytes.substr(0, length);
      }
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<uint8_t>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
      AppendCodeUnit(out, static_cast<uint8_t>(c));
    } else {
      out += c;
    }
    bytes.remove_prefix(length);
  }
}

}  // namespace berth
