#include "addon/layer_unpacker.h"
#include "addon/registrations.h"

namespace berth {

void RegisterLayers(Napi::Env env, Napi::Object exports) { LayerUnpacker::Register(env, exports); }

}  // namespace berth
