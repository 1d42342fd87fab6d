#pragma once

#include <string>

namespace berth {

// RFC 3339 with nanoseconds: 2024-01-02T03:04:05.000000006Z
std::string UtcTimeNow();

}  // namespace berth
