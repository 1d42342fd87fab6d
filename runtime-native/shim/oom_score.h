#pragma once

#include "core/result.h"

namespace berth {

// Of the calling process, while it still sees the host's /proc. Lowering takes CAP_SYS_RESOURCE.
Result<> SetOomScoreAdjustment(int adjustment);

}  // namespace berth
