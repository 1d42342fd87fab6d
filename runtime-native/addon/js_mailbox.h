#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>

namespace berth {

// How native threads reach JavaScript: what they post is run on the thread of one environment, in order. When that
// environment has gone, it is dropped.
class JsMailbox {
 public:
  using Task = std::function<void(Napi::Env)>;

  // The environment's own; made at the first call. JavaScript thread only.
  static std::shared_ptr<JsMailbox> Of(Napi::Env env);

  // Any thread.
  void Post(Task task);

  // While somebody holds it, the process does not end for want of work. JavaScript thread only.
  void Hold(Napi::Env env);
  void Release(Napi::Env env);

 private:
  void Open(Napi::Env env);
  void Close();

  std::mutex mutex_;
  bool open_ = false;
  Napi::ThreadSafeFunction function_;
  unsigned holders_ = 0;
};

}  // namespace berth
