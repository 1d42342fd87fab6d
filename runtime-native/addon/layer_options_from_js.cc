#include "addon/layer_options_from_js.h"

#include <limits.h>

#include <algorithm>
#include <cmath>

#include "core/printable.h"

namespace berth {

namespace {

Napi::Error Wrong(Napi::Env env, const char* name, const char* wanted) {
  return Napi::TypeError::New(env, std::string(name) + " must be " + wanted);
}

std::optional<uint64_t> OptionalCount(Napi::Object object, const char* name) {
  const auto number = OptionalNumber(object, name);
  if (!number) return std::nullopt;
  if (!(*number >= 0)) throw Wrong(object.Env(), name, "a count");
  // Infinity and what no uint64_t holds: no limit.
  return *number >= 1e18 ? static_cast<uint64_t>(INT64_MAX) : static_cast<uint64_t>(*number);
}

Napi::Array StringsToJs(Napi::Env env, const std::vector<std::string>& strings) {
  Napi::Array array = Napi::Array::New(env, strings.size());
  for (uint32_t i = 0; i < strings.size(); i++) array.Set(i, strings[i]);
  return array;
}

}  // namespace

std::optional<std::string> OptionalString(Napi::Object object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return std::nullopt;
  if (!value.IsString()) throw Wrong(object.Env(), name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::optional<double> OptionalNumber(Napi::Object object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return std::nullopt;
  if (!value.IsNumber()) throw Wrong(object.Env(), name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

Compression CompressionFromJs(Napi::Env env, const std::string& name) {
  for (const auto compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    if (name == CompressionName(compression)) return compression;
  }
  throw Wrong(env, "compression", "one of none, gzip, zstd");
}

UnpackOptions UnpackOptionsFromJs(Napi::Object object) {
  UnpackOptions options;
  const auto target = OptionalString(object, "target");
  if (!target) throw Wrong(object.Env(), "target", "a string");
  options.target = *target;
  const auto compression = OptionalString(object, "compression").value_or("auto");
  if (compression != "auto") options.compression = CompressionFromJs(object.Env(), compression);
  options.blob_file = OptionalString(object, "blobFile");
  options.expected_digest = OptionalString(object, "expectedDigest");
  options.expected_size = OptionalCount(object, "expectedSize");
  options.expected_diff_id = OptionalString(object, "expectedDiffId");
  options.userxattr = object.Get("userxattr").ToBoolean();
  const Napi::Value limits_value = object.Get("limits");
  if (limits_value.IsUndefined()) return options;
  const Napi::Object limits = limits_value.As<Napi::Object>();
  UnpackLimits& own = options.limits;
  own.max_uncompressed_bytes = OptionalCount(limits, "maxUncompressedBytes").value_or(own.max_uncompressed_bytes);
  own.max_ratio = OptionalNumber(limits, "maxRatio").value_or(own.max_ratio);
  own.max_entries = OptionalCount(limits, "maxEntries").value_or(own.max_entries);
  own.max_path_bytes =
      std::min<uint64_t>(OptionalCount(limits, "maxPathBytes").value_or(own.max_path_bytes), PATH_MAX - 1);
  return options;
}

Napi::Value UnpackResultToJs(Napi::Env env, const UnpackResult& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("digest", result.digest);
  object.Set("size", static_cast<double>(result.size));
  object.Set("diffId", result.diff_id);
  object.Set("uncompressedSize", static_cast<double>(result.uncompressed_size));
  object.Set("contentSize", static_cast<double>(result.content_size));
  object.Set("compression", std::string(CompressionName(result.compression)));
  object.Set("entries", static_cast<double>(result.entries));
  object.Set("impliedDirectories", StringsToJs(env, result.implied_directories));
  std::vector<std::string> warnings;
  for (const auto& warning : result.warnings) warnings.push_back(Printable(warning));
  object.Set("warnings", StringsToJs(env, warnings));
  return object;
}

}  // namespace berth
