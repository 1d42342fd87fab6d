#pragma once

#include <string>
#include <string_view>

namespace berth {

// `text` with control characters as \xNN: names come from whoever wrote the layer, and messages end on terminals.
std::string Printable(std::string_view text);

}  // namespace berth
