#pragma once

#include <napi.h>

#include "core/result.h"

namespace berth {

// An Error whose message is one line for people ("step: path: strerror") and whose properties code, errno, syscall,
// step and path are read by native-error.ts.
Napi::Error FailureToJs(Napi::Env env, const Failure& failure);

}  // namespace berth
