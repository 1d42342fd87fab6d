#include "shim/exit_record.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cstdio>

#include "core/unique_fd.h"

namespace berth {

int ExitCodeOf(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Result<> WriteExitRecord(const std::string& path, bool durable, const ExitStatus& status,
                         const std::string& finished_at) {
  constexpr const char* kStep = "write the exit record";
  std::string text = "{\"exitCode\":" + std::to_string(status.code) +
                     ",\"oomKilled\":" + (status.oom_killed ? "true" : "false") + ",\"finishedAt\":\"" + finished_at +
                     "\"}\n";
  std::string temporary = path + ".new";
  UniqueFd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return SystemFailure(kStep, "open", temporary);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return SystemFailure(kStep, "write", temporary);
  if (durable && fsync(file.get()) < 0) return SystemFailure(kStep, "fsync", temporary);
  if (rename(temporary.c_str(), path.c_str()) < 0) return SystemFailure(kStep, "rename", path);
  if (!durable) return Unit{};
  std::string directory_path = path.substr(0, path.rfind('/') + 1);
  UniqueFd directory(open(directory_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) < 0) return SystemFailure(kStep, "fsync", directory_path);
  return Unit{};
}

}  // namespace berth
