#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "layers/layer_directory.h"

namespace berth {

// What a layer hides of the layers below it, in overlayfs's form: character devices 0:0 for whiteouts, an xattr for
// opaque directories. The markers of a tar may come before or after what is beside them.
class OverlayMarkers {
 public:
  explicit OverlayMarkers(bool userxattr)
      : opaque_xattr_(userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque") {}

  // A `.wh.` entry for `hidden`. What the layer itself has there stays (OCI image-spec, layer.md: whiteouts only apply
  // to lower layers); a directory there becomes opaque.
  Result<> AddWhiteout(LayerDirectories& directories, const std::string& hidden, const timespec& mtime);
  // A `.wh..wh..opq` entry in `directory`.
  Result<> AddOpaque(LayerDirectories& directories, const std::string& directory);
  // `directory` came in the place of its own whiteout.
  Result<> ReplaceWhiteout(const std::string& directory, int fd);
  // `path`, a directory, was removed with all below it.
  void Forget(const std::string& path);
  // Takes away the whiteouts inside opaque directories: there is nothing for them to hide, and where overlayfs does not
  // merge a directory it would list them.
  Result<> Finish(LayerDirectories& directories);
  // Whether nothing of the lower layers shows at `path`, so that a directory there has nobody to take over from.
  bool HidesLower(const std::string& path) const;

 private:
  Result<> SetOpaque(int fd, const std::string& path);
  bool BelowOpaque(const std::string& path) const;

  const char* const opaque_xattr_;
  std::set<std::string> opaque_;
  // Opaque because their own whiteout says so: of these, not even the directory itself exists below.
  std::set<std::string> fresh_;
  std::vector<std::string> whiteouts_;
};

}  // namespace berth
