#include "addon/registrations.h"

namespace berth {

void RegisterSeccomp(Napi::Env, Napi::Object) {}

}  // namespace berth
