#pragma once

#include <string>
#include <string_view>

namespace berth {

// The inside of a JSON string, with the characters escaped that Docker's log escapes; bytes that are no UTF-8 become
// U+FFFD.
void AppendJsonEscaped(std::string& out, std::string_view bytes);

}  // namespace berth
