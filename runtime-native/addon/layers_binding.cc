#include "addon/registrations.h"

namespace berth {

void RegisterLayers(Napi::Env, Napi::Object) {}

}  // namespace berth
