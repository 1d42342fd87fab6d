#pragma once

#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/console.h"
#include "shim/launch_plan.h"

namespace berth {

// The container's file tree, from copies of the host's mounts to pivot_root. The three steps are made in order, by a
// process in its own mount namespace.
class ContainerRoot {
 public:
  // Copies what is bound into the container, with the rights and the propagation of the host; nothing is mounted yet.
  static Result<ContainerRoot> TakeSources(const LaunchPlan& plan);

  // Everything that is mounted or made below the merged directory, the working directory included.
  Result<> Build(const LaunchPlan& plan);

  // Makes it this process's root, lets go of the host's tree, and closes off what the container must not write or see.
  Result<> Enter(const LaunchPlan& plan);

  int descriptor() const { return tree_.get(); }
  const Console& console() const { return console_; }
  UniqueFd TakeTerminal() { return std::move(console_.slave); }

 private:
  UniqueFd merged_, tree_;
  std::vector<UniqueFd> bind_sources_;
  Console console_;
};

}  // namespace berth
