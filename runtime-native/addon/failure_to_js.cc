#include "addon/failure_to_js.h"

#include <cstring>

#include "core/printable.h"

namespace berth {

static std::string MessageOf(const Failure& failure) {
  if (!failure.message.empty()) return failure.path.empty() ? failure.message : failure.path + ": " + failure.message;
  std::string text = failure.step;
  if (!failure.path.empty()) text += ": " + failure.path;
  if (failure.errno_value != 0) text += std::string(": ") + strerror(failure.errno_value);
  return text;
}

Napi::Error FailureToJs(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, Printable(MessageOf(failure)));
  Napi::Object object = error.Value();
  object.Set("code", failure.code);
  if (failure.errno_value != 0) object.Set("errno", failure.errno_value);
  if (!failure.syscall.empty()) object.Set("syscall", failure.syscall);
  if (!failure.step.empty()) object.Set("step", failure.step);
  if (!failure.path.empty()) object.Set("path", failure.path);
  return error;
}

}  // namespace berth
