#pragma once

#include <napi.h>

#include "layers/unpack_options.h"

namespace berth {

// The options of layer-contract.ts, and the results as it describes them. TypeError when a value has the wrong type.
UnpackOptions UnpackOptionsFromJs(Napi::Object object);
Napi::Value UnpackResultToJs(Napi::Env env, const UnpackResult& result);
Compression CompressionFromJs(Napi::Env env, const std::string& name);
// Nothing when the property is undefined.
std::optional<std::string> OptionalString(Napi::Object object, const char* name);
std::optional<double> OptionalNumber(Napi::Object object, const char* name);

}  // namespace berth
