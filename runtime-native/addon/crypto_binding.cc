#include <sys/random.h>

#include <cerrno>
#include <string>

#include "addon/failure_to_js.h"
#include "addon/registrations.h"
#include "core/result.h"
#include "core/sha256.h"

namespace berth {

namespace {

// Up to 256 bytes, which getrandom(2) never cuts short.
Napi::Value JsRandomBytes(const Napi::CallbackInfo& info) {
  const auto bytes = Napi::Buffer<uint8_t>::New(info.Env(), info[0].As<Napi::Number>().Uint32Value());
  if (getrandom(bytes.Data(), bytes.Length(), 0) != static_cast<ssize_t>(bytes.Length()))
    throw FailureToJs(info.Env(), SystemFailure("make random bytes", "getrandom", ""));
  return bytes;
}

Napi::Value JsSha256(const Napi::CallbackInfo& info) {
  const std::string text = info[0].As<Napi::String>();
  Sha256 sha256;
  sha256.Update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return Napi::String::New(info.Env(), sha256.Digest());
}

}  // namespace

void RegisterCrypto(Napi::Env env, Napi::Object exports) {
  exports.Set("randomBytes", Napi::Function::New(env, JsRandomBytes, "randomBytes"));
  exports.Set("sha256", Napi::Function::New(env, JsSha256, "sha256"));
}

}  // namespace berth
