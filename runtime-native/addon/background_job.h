#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "addon/failure_to_js.h"
#include "addon/js_mailbox.h"
#include "core/result.h"
#include "core/thread.h"

namespace berth {

// Runs `work` in a thread of its own (libuv's four are for short work) and settles the promise that is returned with
// what `convert` makes of its result. `work` touches nothing of JavaScript.
template <typename T>
Napi::Promise RunInBackground(Napi::Env env, const char* name, std::function<Result<T>()> work,
                              std::function<Napi::Value(Napi::Env, T&)> convert) {
  auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
  auto mailbox = JsMailbox::Of(env);
  mailbox->Hold(env);
  auto started = Thread::StartDetached(name, [mailbox, deferred, work = std::move(work), convert = std::move(convert)] {
    auto result = std::make_shared<Result<T>>(work());
    mailbox->Post([mailbox, deferred, result, convert](Napi::Env posted_env) {
      mailbox->Release(posted_env);
      if (*result) {
        deferred->Resolve(convert(posted_env, result->value()));
      } else {
        deferred->Reject(FailureToJs(posted_env, result->failure()).Value());
      }
    });
  });
  if (!started) {
    mailbox->Release(env);
    deferred->Reject(FailureToJs(env, started.failure()).Value());
  }
  return deferred->Promise();
}

inline Napi::Promise RunInBackground(Napi::Env env, const char* name, std::function<Result<>()> work) {
  return RunInBackground<Unit>(env, name, std::move(work),
                               [](Napi::Env posted_env, Unit&) { return posted_env.Undefined(); });
}

}  // namespace berth
