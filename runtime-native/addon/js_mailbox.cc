#include "addon/js_mailbox.h"

#include <map>

namespace berth {

namespace {

// One entry an environment (the main thread and each Worker that loaded the addon). Never destroyed: a native thread
// may outlive the process's exit handlers.
std::mutex& RegistryMutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}
std::map<napi_env, std::shared_ptr<JsMailbox>>& Registry() {
  static auto* const registry = new std::map<napi_env, std::shared_ptr<JsMailbox>>;
  return *registry;
}

}  // namespace

std::shared_ptr<JsMailbox> JsMailbox::Of(Napi::Env env) {
  std::lock_guard lock(RegistryMutex());
  auto& mailbox = Registry()[env];
  if (!mailbox) {
    mailbox = std::make_shared<JsMailbox>();
    mailbox->Open(env);
  }
  return mailbox;
}

void JsMailbox::Open(Napi::Env env) {
  function_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}),
                                            "berth native threads", 0, 1);
  function_.Unref(env);
  open_ = true;
  // Hooks run in the opposite order of their making: this one before the function itself is taken down.
  napi_add_env_cleanup_hook(
      env,
      [](void* key) {
        std::shared_ptr<JsMailbox> mailbox;
        {
          std::lock_guard lock(RegistryMutex());
          const auto found = Registry().find(static_cast<napi_env>(key));
          mailbox = std::move(found->second);
          Registry().erase(found);
        }
        mailbox->Close();
      },
      static_cast<napi_env>(env));
}

void JsMailbox::Close() {
  std::lock_guard lock(mutex_);
  open_ = false;
}

void JsMailbox::Post(Task task) {
  std::lock_guard lock(mutex_);
  if (!open_) return;
  auto* const heap = new Task(std::move(task));
  const auto run = [](Napi::Env env, Napi::Function, Task* posted) {
    const std::unique_ptr<Task> owned(posted);
    if (static_cast<napi_env>(env) == nullptr) return;
    const Napi::HandleScope scope(env);
    (*owned)(env);
  };
  if (function_.NonBlockingCall(heap, run) != napi_ok) delete heap;
}

void JsMailbox::Hold(Napi::Env env) {
  if (holders_++ == 0) function_.Ref(env);
}

void JsMailbox::Release(Napi::Env env) {
  if (--holders_ == 0) function_.Unref(env);
}

}  // namespace berth
