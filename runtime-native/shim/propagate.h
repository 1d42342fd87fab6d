#pragma once

#include <utility>

#include "core/result.h"

// The value of a Result, or: return its failure from here.
#define BERTH_TRY(expression)                                     \
  ({                                                              \
    auto attempted_ = (expression);                               \
    if (!attempted_.ok()) return std::move(attempted_.failure()); \
    std::move(attempted_.value());                                \
  })
