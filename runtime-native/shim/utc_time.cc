#include "shim/utc_time.h"

#include <ctime>

namespace berth {

namespace {

void AppendPadded(std::string& out, long value, size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

}  // namespace

std::string UtcTimeNow() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  std::string text;
  AppendPadded(text, parts.tm_year + 1900, 4);
  for (auto [separator, value] :
       {std::pair('-', parts.tm_mon + 1), std::pair('-', parts.tm_mday), std::pair('T', parts.tm_hour),
        std::pair(':', parts.tm_min), std::pair(':', parts.tm_sec)}) {
    text += separator;
    AppendPadded(text, value, 2);
  }
  text += '.';
  AppendPadded(text, now.tv_nsec, 9);
  text += 'Z';
  return text;
}

}  // namespace berth
