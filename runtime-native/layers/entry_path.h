#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace berth {

// A path of a tar as one relative to the layer's root: no leading slash, no "." and "..", "" for the root itself.
// "a/../b" is "b"; a ".." that would leave the root is refused.
Result<std::string> CleanEntryPath(std::string_view written, size_t max_bytes);
// The same where ".." at the root stays there, as for the target of a symlink.
std::string ClampPath(std::string_view written);

struct SplitPath {
  std::string_view parent;
  std::string_view base;
};
SplitPath Split(std::string_view clean);

enum class MarkerKind {
  kNone,
  // `.wh.NAME`: hides NAME of the layers below.
  kWhiteout,
  // `.wh..wh..opq`: hides everything in its directory of the layers below.
  kOpaque,
  // `.wh..wh.*` otherwise, such as `.wh..wh.plnk`: aufs's own, passed over.
  kAufs,
};

struct Marker {
  MarkerKind kind = MarkerKind::kNone;
  // What a whiteout hides, relative to the root.
  std::string hidden;
};
// OCI image-spec, layer.md, "Whiteouts".
Result<Marker> ReadMarker(std::string_view clean);

}  // namespace berth
