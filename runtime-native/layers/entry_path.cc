#include "layers/entry_path.h"

#include <limits.h>

#include <optional>

namespace berth {

namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kAufsPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

// Nothing: the path leaves the root and `clamp` does not keep it there.
std::optional<std::string> Clean(std::string_view written, bool clamp) {
  std::string clean;
  clean.reserve(written.size());
  while (!written.empty()) {
    const size_t slash = written.find('/');
    const auto component = written.substr(0, slash);
    written.remove_prefix(slash == std::string_view::npos ? written.size() : slash + 1);
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (clean.empty() && !clamp) return std::nullopt;
      const size_t last = clean.rfind('/');
      clean.resize(last == std::string::npos ? 0 : last);
      continue;
    }
    if (!clean.empty()) clean += '/';
    clean += component;
  }
  return clean;
}

bool HasLongComponent(std::string_view clean) {
  size_t length = 0;
  for (const char character : clean) {
    length = character == '/' ? 0 : length + 1;
    if (length > NAME_MAX) return true;
  }
  return false;
}

}  // namespace

Result<std::string> CleanEntryPath(std::string_view written, size_t max_bytes) {
  if (written.size() > max_bytes) {
    return RuleFailure("LIMIT", "a path in the layer is longer than " + std::to_string(max_bytes) + " bytes");
  }
  auto clean = Clean(written, false);
  if (!clean) return RuleFailure("LAYER_INVALID", "a path in the layer leads out of it", std::string(written));
  if (written.size() > NAME_MAX && HasLongComponent(*clean)) {
    return RuleFailure("LAYER_INVALID", "a name in the layer is longer than 255 bytes", std::string(written));
  }
  return std::move(*clean);
}

std::string ClampPath(std::string_view written) { return *Clean(written, true); }

SplitPath Split(std::string_view clean) {
  const size_t slash = clean.rfind('/');
  if (slash == std::string_view::npos) return {"", clean};
  return {clean.substr(0, slash), clean.substr(slash + 1)};
}

Result<Marker> ReadMarker(std::string_view clean) {
  if (clean.find(kWhiteoutPrefix) == std::string_view::npos) return Marker{};
  const auto [parent, base] = Split(clean);
  for (auto rest = parent; !rest.empty();) {
    const auto [above, name] = Split(rest);
    if (name.starts_with(kAufsPrefix)) return Marker{MarkerKind::kAufs, ""};
    if (name.starts_with(kWhiteoutPrefix)) {
      return RuleFailure("LAYER_INVALID", "a whiteout in the layer has entries below it", std::string(clean));
    }
    rest = above;
  }
  if (!base.starts_with(kWhiteoutPrefix)) return Marker{};
  if (base == kOpaqueName) return Marker{MarkerKind::kOpaque, ""};
  if (base.starts_with(kAufsPrefix)) return Marker{MarkerKind::kAufs, ""};
  const auto name = base.substr(kWhiteoutPrefix.size());
  if (name.empty() || name == "." || name == "..") {
    return RuleFailure("LAYER_INVALID", "a whiteout in the layer names nothing that can be removed",
                       std::string(clean));
  }
  return Marker{MarkerKind::kWhiteout,
                parent.empty() ? std::string(name) : std::string(parent) + "/" + std::string(name)};
}

}  // namespace berth
