#pragma once

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

enum class LockMode { kShared, kExclusive };

// The lock file, opened (made if missing, 0600); the lock goes when the descriptor is closed.
Result<UniqueFd> OpenLockFile(const std::string& path);
// flock(2), without waiting. False: somebody else holds it.
Result<bool> TryLock(int fd, LockMode mode, const std::string& path);
// flock(2), waiting.
Result<> Lock(int fd, LockMode mode, const std::string& path);
Result<> SyncFilesystem(const std::string& path);

}  // namespace berth
