#include "addon/background_job.h"
#include "addon/layer_options_from_js.h"
#include "addon/layer_unpacker.h"
#include "addon/registrations.h"
#include "layers/adopt_directories.h"
#include "layers/pack_layer.h"

namespace berth {

namespace {

std::vector<std::string> StringsFromJs(Napi::Value value) {
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < array.Length(); i++) strings.push_back(array.Get(i).As<Napi::String>());
  return strings;
}

Napi::Value PackResultToJs(Napi::Env env, PackResult& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("digest", result.digest);
  object.Set("size", static_cast<double>(result.size));
  object.Set("diffId", result.diff_id);
  object.Set("uncompressedSize", static_cast<double>(result.uncompressed_size));
  object.Set("contentSize", static_cast<double>(result.content_size));
  object.Set("entries", static_cast<double>(result.entries));
  return object;
}

Napi::Value JsAdoptDirectories(const Napi::CallbackInfo& info) {
  const std::string diff = info[0].As<Napi::String>();
  return RunInBackground(info.Env(), "berth-adopt",
                         [diff, lowers = StringsFromJs(info[1]), directories = StringsFromJs(info[2])] {
                           return AdoptDirectories(diff, lowers, directories);
                         });
}

Napi::Value JsPackLayer(const Napi::CallbackInfo& info) {
  const Napi::Object object = info[0].As<Napi::Object>();
  const auto source = OptionalString(object, "source");
  const Napi::Value output = object.Get("output");
  if (!source || !(output.IsString() || output.IsNumber())) {
    throw Napi::TypeError::New(info.Env(), "source must be a string, output a string or a descriptor");
  }
  PackOptions options;
  options.source = *source;
  if (output.IsNumber()) {
    options.output_fd = output.As<Napi::Number>().Int32Value();
  } else {
    options.output = output.As<Napi::String>();
  }
  options.compression = CompressionFromJs(info.Env(), OptionalString(object, "compression").value_or("gzip"));
  options.level = static_cast<int>(OptionalNumber(object, "level").value_or(0));
  options.overlay_whiteouts = object.Get("overlayWhiteouts").ToBoolean();
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  options.cancelled = cancelled;
  const Napi::Env env = info.Env();
  Napi::Object job = Napi::Object::New(env);
  job.Set("cancel", Napi::Function::New(
                        env, [cancelled](const Napi::CallbackInfo&) { *cancelled = true; }, "cancel"));
  job.Set("done", RunInBackground<PackResult>(
                      env, "berth-pack", [options] { return PackLayer(options); }, PackResultToJs));
  return job;
}

}  // namespace

void RegisterLayers(Napi::Env env, Napi::Object exports) {
  LayerUnpacker::Register(env, exports);
  exports.Set("adoptDirectories", Napi::Function::New(env, JsAdoptDirectories, "adoptDirectories"));
  exports.Set("packLayer", Napi::Function::New(env, JsPackLayer, "packLayer"));
}

}  // namespace berth
