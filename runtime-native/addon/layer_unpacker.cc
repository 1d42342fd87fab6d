#include "addon/layer_unpacker.h"

#include "addon/failure_to_js.h"
#include "addon/layer_options_from_js.h"

namespace berth {

void LayerUnpacker::Register(Napi::Env env, Napi::Object exports) {
  exports.Set("LayerUnpacker", DefineClass(env, "LayerUnpacker",
                                           {InstanceMethod("write", &LayerUnpacker::Write),
                                            InstanceMethod("finish", &LayerUnpacker::Finish),
                                            InstanceMethod("abort", &LayerUnpacker::Abort)}));
}

LayerUnpacker::LayerUnpacker(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<LayerUnpacker>(info),
      link_{std::make_shared<Link>(Link{this})},
      mailbox_(JsMailbox::Of(info.Env())) {
  UnpackOptions options = UnpackOptionsFromJs(info[0].As<Napi::Object>());
  std::optional<std::string> input_file;
  if (info[1].IsString()) input_file = info[1].As<Napi::String>().Utf8Value();
  closed_ = input_file.has_value();
  const auto link = link_.link;
  const auto mailbox = mailbox_;
  UnpackPipeline::Callbacks callbacks;
  callbacks.on_room = [mailbox, link] {
    mailbox->Post([link](Napi::Env env) {
      if (link->unpacker != nullptr) link->unpacker->OnRoom(env);
    });
  };
  callbacks.on_done = [mailbox, link](Result<UnpackResult> result) {
    auto shared = std::make_shared<Result<UnpackResult>>(std::move(result));
    mailbox->Post([link, shared](Napi::Env env) {
      if (link->unpacker != nullptr) link->unpacker->OnDone(env, std::move(*shared));
    });
  };
  auto started = UnpackPipeline::Start(std::move(options), std::move(input_file), std::move(callbacks));
  if (!started) throw FailureToJs(info.Env(), started.failure());
  pipeline_ = std::move(started.value());
}

Napi::Promise LayerUnpacker::Wait(Napi::Env env, std::vector<Deferred>& list) {
  mailbox_->Hold(env);
  Ref();
  list.emplace_back(env);
  return list.back().Promise();
}

void LayerUnpacker::Settle(Napi::Env env, std::vector<Deferred>& list, const std::function<void(Deferred&)>& settle) {
  for (auto& deferred : std::exchange(list, {})) {
    settle(deferred);
    mailbox_->Release(env);
    Unref();
  }
}

void LayerUnpacker::SettleFinish(Napi::Env env, Deferred& deferred) {
  if (outcome_->ok()) {
    deferred.Resolve(UnpackResultToJs(env, outcome_->value()));
  } else {
    deferred.Reject(FailureToJs(env, outcome_->failure()).Value());
  }
}

Napi::Value LayerUnpacker::Write(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(env, "a chunk must be a Uint8Array");
  }
  Deferred deferred(env);
  if (outcome_ && !outcome_->ok()) {
    deferred.Reject(FailureToJs(env, outcome_->failure()).Value());
    return deferred.Promise();
  }
  if (closed_) {
    deferred.Reject(Napi::Error::New(env, "write after finish").Value());
    return deferred.Promise();
  }
  const auto chunk = info[0].As<Napi::Uint8Array>();
  if (!pipeline_->Write({chunk.Data(), chunk.ByteLength()})) return Wait(env, writes_);
  deferred.Resolve(env.Undefined());
  return deferred.Promise();
}

Napi::Value LayerUnpacker::Finish(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!std::exchange(closed_, true)) pipeline_->CloseInput();
  if (!outcome_) return Wait(env, finishes_);
  Deferred deferred(env);
  SettleFinish(env, deferred);
  return deferred.Promise();
}

Napi::Value LayerUnpacker::Abort(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!outcome_) {
    pipeline_->Abort();
    return Wait(env, aborts_);
  }
  Deferred deferred(env);
  deferred.Resolve(env.Undefined());
  return deferred.Promise();
}

void LayerUnpacker::OnRoom(Napi::Env env) {
  Settle(env, writes_, [&](Deferred& deferred) { deferred.Resolve(env.Undefined()); });
}

void LayerUnpacker::OnDone(Napi::Env env, Result<UnpackResult> outcome) {
  outcome_ = std::move(outcome);
  // The thread that posted this is ending: what it held is given back now rather than when this object is collected.
  pipeline_.reset();
  Ref();
  Settle(env, writes_, [&](Deferred& deferred) {
    if (outcome_->ok()) {
      deferred.Resolve(env.Undefined());
    } else {
      deferred.Reject(FailureToJs(env, outcome_->failure()).Value());
    }
  });
  Settle(env, finishes_, [&](Deferred& deferred) { SettleFinish(env, deferred); });
  Settle(env, aborts_, [&](Deferred& deferred) { deferred.Resolve(env.Undefined()); });
  Unref();
}

}  // namespace berth
