#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

struct Console {
  UniqueFd master, slave;
};

// A new pseudoterminal of the devpts instance at /dev/pts below `root`. What the container put in its place instead, or
// in the slave's, is refused: the slave comes from TIOCGPTPEER, never from a path (CVE-2025-52565).
Result<Console> OpenConsole(int root, uint16_t rows, uint16_t columns);

// Binds the slave onto /dev/console, by descriptor on both sides.
Result<> BindConsole(int root, const Console& console);

}  // namespace berth
