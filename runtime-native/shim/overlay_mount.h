#pragma once

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"

namespace berth {

// The container's root file system in the host's mount namespace; unmounted when this goes away.
class OverlayMount {
 public:
  static Result<OverlayMount> Mount(const RootfsPlan& rootfs);

  OverlayMount(OverlayMount&& other) noexcept : merged_(std::move(other.merged_)) { other.merged_.clear(); }
  OverlayMount& operator=(OverlayMount&&) = delete;
  ~OverlayMount() { Unmount(); }

  // From here on nobody sees the mount. Its memory and what it has not written yet stay until the answer is closed.
  UniqueFd Unmount();

 private:
  explicit OverlayMount(std::string merged) : merged_(std::move(merged)) {}

  std::string merged_;
};

}  // namespace berth
