#include "addon/registrations.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  berth::RegisterLayers(env, exports);
  berth::RegisterHost(env, exports);
  berth::RegisterCrypto(env, exports);
  berth::RegisterSeccomp(env, exports);
  berth::RegisterLaunch(env, exports);
  return exports;
}

NODE_API_MODULE(berth, Init)
