#include "shim/mount_tree.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cstring>

namespace berth {

namespace {

// The filesystem's own words on what it did not like: "e tmpfs: Bad value for 'size'".
Failure FilesystemFailure(int context, const char* step, const char* syscall, const std::string& type) {
  Failure failure = SystemFailure(step, syscall, type);
  char text[512];
  ssize_t count = read(context, text, sizeof text);
  if (count > 2) {
    while (count > 2 && text[count - 1] == '\n') count--;
    failure.message = std::string(step) + ": " + std::string(text + 2, static_cast<size_t>(count - 2));
  }
  return failure;
}

}  // namespace

Result<UniqueFd> CloneTree(int directory, const std::string& path, bool recursive, const char* step) {
  unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) | (path.empty() ? AT_EMPTY_PATH : 0u);
  int tree = open_tree(directory, path.c_str(), flags);
  if (tree < 0) return SystemFailure(step, "open_tree", path);
  return UniqueFd(tree);
}

Result<UniqueFd> MakeFilesystem(const std::string& type, const std::string& source, const std::string& data,
                                unsigned attributes, const char* step) {
  UniqueFd context(fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return SystemFailure(step, "fsopen", type);
  if (!source.empty() && fsconfig(context.get(), FSCONFIG_SET_STRING, "source", source.c_str(), 0) < 0)
    return FilesystemFailure(context.get(), step, "fsconfig", type);
  for (size_t at = 0; at < data.size();) {
    size_t end = data.find(',', at);
    if (end == std::string::npos) end = data.size();
    std::string option = data.substr(at, end - at);
    at = end + 1;
    if (option.empty()) continue;
    size_t equals = option.find('=');
    int set;
    if (equals == std::string::npos) {
      set = fsconfig(context.get(), FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0);
    } else {
      set = fsconfig(context.get(), FSCONFIG_SET_STRING, option.substr(0, equals).c_str(), option.c_str() + equals + 1,
                     0);
    }
    if (set < 0) return FilesystemFailure(context.get(), step, "fsconfig", type);
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return FilesystemFailure(context.get(), step, "fsconfig", type);
  int tree = fsmount(context.get(), FSMOUNT_CLOEXEC, attributes);
  if (tree < 0) return FilesystemFailure(context.get(), step, "fsmount", type);
  return UniqueFd(tree);
}

Result<> SetMountAttributes(int tree, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
                            const char* step, const std::string& path) {
  mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  if (mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attributes, sizeof attributes) < 0)
    return SystemFailure(step, "mount_setattr", path);
  return Unit{};
}

Result<> AttachTree(int tree, int target, const char* step, const std::string& path) {
  if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return SystemFailure(step, "move_mount", path);
  return Unit{};
}

}  // namespace berth
