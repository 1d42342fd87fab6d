#pragma once

#include <napi.h>

// Each file of this folder adds its functions to the addon's exports; addon.cc only calls them.
namespace berth {

void RegisterLayers(Napi::Env env, Napi::Object exports);
void RegisterHost(Napi::Env env, Napi::Object exports);
void RegisterCrypto(Napi::Env env, Napi::Object exports);
void RegisterSeccomp(Napi::Env env, Napi::Object exports);
void RegisterLaunch(Napi::Env env, Napi::Object exports);

}  // namespace berth
