#include "addon/registrations.h"

namespace berth {

void RegisterLaunch(Napi::Env, Napi::Object) {}

}  // namespace berth
