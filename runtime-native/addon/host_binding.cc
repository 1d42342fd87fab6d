#include "addon/registrations.h"

namespace berth {

void RegisterHost(Napi::Env, Napi::Object) {}

}  // namespace berth
