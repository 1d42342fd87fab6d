#include "shim/cgroup_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "core/unique_fd.h"

namespace berth {

namespace {

// Ten seconds: what is killed ends only when it gets a processor, which others may want more.
constexpr int kRounds = 2000;
constexpr int kRoundMilliseconds = 5;
// Deeper trees than a container has any use for are left to the engine's sweep.
constexpr int kMaxDepth = 32;

void SleepMilliseconds(long milliseconds) {
  timespec time = {0, milliseconds * 1000000};
  nanosleep(&time, nullptr);
}

std::string ReadAt(int directory, const char* name) {
  UniqueFd file(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  ssize_t count;
  while (file && (count = read(file.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(count));
  return text;
}

bool WriteAt(int directory, const char* name, const std::string& value) {
  UniqueFd file(openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  return file && write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

template <typename Visit>
void ForEachChild(int directory, Visit visit) {
  UniqueFd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = copy ? fdopendir(copy.get()) : nullptr;
  if (stream == nullptr) return;
  copy.release();
  while (dirent* entry = readdir(stream)) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    UniqueFd child(openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) visit(child.get(), entry->d_name);
  }
  closedir(stream);
}

void ThawBelow(int directory, int depth) {
  // A frozen v1 cgroup does not take SIGKILL until it is thawed.
  if (ReadAt(directory, "freezer.state").starts_with("FR")) WriteAt(directory, "freezer.state", "THAWED");
  if (depth < kMaxDepth) ForEachChild(directory, [&](int child, const char*) { ThawBelow(child, depth + 1); });
}

// Returns whether anybody was there.
bool KillBelow(int directory, int depth) {
  std::string pids = ReadAt(directory, "cgroup.procs");
  bool found = false;
  for (char* at = pids.data(); *at != '\0';) {
    char* end;
    long pid = strtol(at, &end, 10);
    if (end == at) break;
    at = *end == '\n' ? end + 1 : end;
    // 0: a process of a pid namespace that this one does not see.
    if (pid <= 1 || pid == getpid()) continue;
    kill(static_cast<pid_t>(pid), SIGKILL);
    found = true;
  }
  if (depth < kMaxDepth)
    ForEachChild(directory, [&](int child, const char*) { found = KillBelow(child, depth + 1) || found; });
  return found;
}

void RemoveBelow(int directory, int depth) {
  if (depth >= kMaxDepth) return;
  ForEachChild(directory, [&](int child, const char* name) {
    RemoveBelow(child, depth + 1);
    unlinkat(directory, name, AT_REMOVEDIR);
  });
}

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool IsRemoved(const std::string& path) { return rmdir(path.c_str()) == 0 || errno == ENOENT; }

void ReapOrphans() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
}

}  // namespace

void ClearCgroups(const CgroupPlan& plan) {
  // The end of a pid namespace was the end of everything in it: as a rule there is nothing more to do than this.
  std::vector<std::string> left;
  for (const std::string& path : plan.directories)
    if (!IsRemoved(path)) left.push_back(path);

  for (const std::string& path : left)
    if (UniqueFd directory = OpenDirectory(path)) ThawBelow(directory.get(), 0);
  for (const std::string& path : left) {
    for (int round = 0; round < kRounds; round++) {
      UniqueFd directory = OpenDirectory(path);
      if (!directory) break;
      // Linux 5.14, v2: everybody at once, children of forks in flight included.
      WriteAt(directory.get(), "cgroup.kill", "1");
      bool occupied = KillBelow(directory.get(), 0);
      RemoveBelow(directory.get(), 0);
      // A process that has just been reaped may be counted for a moment longer (EBUSY).
      if (IsRemoved(path)) break;
      if (occupied) ReapOrphans();
      SleepMilliseconds(kRoundMilliseconds);
    }
  }
  ReapOrphans();
}

bool WasOomKilled(const CgroupPlan& plan) {
  if (plan.oom_file.empty()) return false;
  std::string text = "\n" + ReadAt(AT_FDCWD, plan.oom_file.c_str());
  size_t at = text.find("\noom_kill ");
  return at != std::string::npos && strtoull(text.c_str() + at + 10, nullptr, 10) > 0;
}

}  // namespace berth
