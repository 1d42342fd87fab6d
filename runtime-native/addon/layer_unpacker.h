#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <vector>

#include "addon/js_mailbox.h"
#include "layers/unpack_pipeline.h"

namespace berth {

// The class LayerUnpacker of layer-contract.ts around an UnpackPipeline.
class LayerUnpacker : public Napi::ObjectWrap<LayerUnpacker> {
 public:
  static void Register(Napi::Env env, Napi::Object exports);

  explicit LayerUnpacker(const Napi::CallbackInfo& info);

 private:
  using Deferred = Napi::Promise::Deferred;

  // What the pipeline's threads know of this object; `unpacker` is cleared, on the JavaScript thread, when it goes
  // away.
  struct Link {
    LayerUnpacker* unpacker;
  };
  struct LinkCutter {
    std::shared_ptr<Link> link;
    ~LinkCutter() { link->unpacker = nullptr; }
  };

  Napi::Value Write(const Napi::CallbackInfo& info);
  Napi::Value Finish(const Napi::CallbackInfo& info);
  Napi::Value Abort(const Napi::CallbackInfo& info);

  // A promise that is settled later, for which the process and this object are kept.
  Napi::Promise Wait(Napi::Env env, std::vector<Deferred>& list);
  void Settle(Napi::Env env, std::vector<Deferred>& list, const std::function<void(Deferred&)>& settle);
  void OnRoom(Napi::Env env);
  void OnDone(Napi::Env env, Result<UnpackResult> outcome);
  void SettleFinish(Napi::Env env, Deferred& deferred);

  LinkCutter link_;
  std::shared_ptr<JsMailbox> mailbox_;
  std::unique_ptr<UnpackPipeline> pipeline_;
  std::optional<Result<UnpackResult>> outcome_;
  std::vector<Deferred> writes_;
  std::vector<Deferred> finishes_;
  std::vector<Deferred> aborts_;
  bool closed_ = false;
};

}  // namespace berth
