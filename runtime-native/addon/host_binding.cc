#include <sys/xattr.h>

#include <cerrno>

#include "addon/background_job.h"
#include "addon/registrations.h"
#include "core/file_lock.h"
#include "core/overlay_view.h"
#include "core/tree_removal.h"

namespace berth {

namespace {

// Only release() lets go of it: that nobody refers to the object any more does not mean that the work is done.
Napi::Value LockToJs(Napi::Env env, UniqueFd& fd) {
  auto held = std::make_shared<int>(fd.release());
  const auto release = [held](const Napi::CallbackInfo&) { UniqueFd(std::exchange(*held, -1)).reset(); };
  Napi::Object lock = Napi::Object::New(env);
  lock.Set("release", Napi::Function::New(env, release, "release"));
  return lock;
}

Napi::Value JsRemoveTree(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return RunInBackground(info.Env(), "berth-remove", [path] { return RemoveTree(path); });
}

Napi::Value JsSyncFilesystem(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return RunInBackground(info.Env(), "berth-sync", [path] { return SyncFilesystem(path); });
}

// An empty descriptor while somebody else holds it. Does not wait, so it needs no thread.
Result<UniqueFd> LockIfFree(const std::string& path, LockMode mode) {
  auto fd = OpenLockFile(path);
  if (!fd) return fd.failure();
  auto locked = TryLock(fd.value().get(), mode, path);
  if (!locked) return locked.failure();
  if (!locked.value()) return UniqueFd();
  return fd;
}

Napi::Value JsLockFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  const LockMode mode = info[1].As<Napi::Boolean>() ? LockMode::kExclusive : LockMode::kShared;
  // It is free as a rule, and a thread takes longer than all the rest.
  auto free = LockIfFree(path, mode);
  if (!free || free.value()) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    if (free) {
      deferred.Resolve(LockToJs(env, free.value()));
    } else {
      deferred.Reject(FailureToJs(env, free.failure()).Value());
    }
    return deferred.Promise();
  }
  return RunInBackground<UniqueFd>(
      env, "berth-lock",
      [path, mode]() -> Result<UniqueFd> {
        auto fd = OpenLockFile(path);
        if (!fd) return fd.failure();
        auto locked = Lock(fd.value().get(), mode, path);
        if (!locked) return locked.failure();
        return fd;
      },
      LockToJs);
}

Napi::Value JsTryLockFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto free = LockIfFree(info[0].As<Napi::String>(), LockMode::kExclusive);
  if (!free) throw FailureToJs(env, free.failure());
  return free.value() ? LockToJs(env, free.value()) : env.Undefined();
}

Napi::Value JsOpenOverlayView(const Napi::CallbackInfo& info) {
  const std::string directory = info[0].As<Napi::String>();
  const Napi::Array layers = info[1].As<Napi::Array>();
  std::vector<std::string> lower;
  for (uint32_t i = 0; i < layers.Length(); i++) lower.push_back(layers.Get(i).As<Napi::String>());
  return RunInBackground<UniqueFd>(
      info.Env(), "berth-overlay", [directory, lower] { return OpenOverlayView(directory, lower); },
      [](Napi::Env env, UniqueFd& root) -> Napi::Value { return Napi::Number::New(env, root.release()); });
}

// Kernel documentation, overlayfs: nothing of the layers below such a directory shows in it. Does not wait, either.
Napi::Value JsIsOpaqueDirectory(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  char value;
  const ssize_t size = getxattr(path.c_str(), "trusted.overlay.opaque", &value, 1);
  if (size < 0 && errno != ENODATA && errno != EOPNOTSUPP && errno != ERANGE)
    throw FailureToJs(info.Env(), SystemFailure("look at a layer's directory", "getxattr", path));
  return Napi::Boolean::New(info.Env(), size == 1 && value == 'y');
}

}  // namespace

void RegisterHost(Napi::Env env, Napi::Object exports) {
  exports.Set("removeTree", Napi::Function::New(env, JsRemoveTree, "removeTree"));
  exports.Set("syncFilesystem", Napi::Function::New(env, JsSyncFilesystem, "syncFilesystem"));
  exports.Set("lockFile", Napi::Function::New(env, JsLockFile, "lockFile"));
  exports.Set("openOverlayView", Napi::Function::New(env, JsOpenOverlayView, "openOverlayView"));
  exports.Set("isOpaqueDirectory", Napi::Function::New(env, JsIsOpaqueDirectory, "isOpaqueDirectory"));
  exports.Set("tryLockFile", Napi::Function::New(env, JsTryLockFile, "tryLockFile"));
}

}  // namespace berth
