#pragma once

#include <sys/stat.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

// The directories of a layer that is being unpacked, opened below its root and kept open while they are in use again
// and again. A path that was resolved stays right until something that is a directory or a symlink is removed: Forget()
// then.
class LayerDirectories {
 public:
  using Handle = std::shared_ptr<const UniqueFd>;
  // Called with a path that had to be made; true in `replaced_whiteout` when a whiteout stood there.
  using OnImplied = std::function<Result<>(const std::string& path, int fd, bool replaced_whiteout)>;

  LayerDirectories(UniqueFd root, OnImplied on_implied);

  int root() const { return root_->get(); }
  // The directory at `path` (clean). ENOENT or ENOTDIR in the failure when it is not there.
  Result<Handle> Open(std::string_view path);
  // The same, making what is missing.
  Result<Handle> OpenOrMake(std::string_view path);
  // Keeps a directory that was just opened.
  Handle Keep(std::string_view path, UniqueFd fd);
  void Forget();

 private:
  struct Kept {
    std::string path;
    Handle handle;
  };

  Result<Handle> OpenOrMake(std::string_view path, int links_followed);
  Result<Handle> Make(const std::string& path, int links_followed);

  Handle root_;
  OnImplied on_implied_;
  // The most recently used first.
  std::list<Kept> kept_;
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_path_;
};

}  // namespace berth
