#include "shim/command.h"

#include <unistd.h>

#include <string_view>

namespace berth {

namespace {

// What Docker gives a container whose image names none.
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view SearchPath(const std::vector<std::string>& environment) {
  for (const std::string& variable : environment)
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  return kDefaultPath;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Command::Command(const ProcessPlan& process)
    : name_(process.args[0]), arguments_(Pointers(process.args)), environment_(Pointers(process.env)) {
  if (name_.find('/') != std::string::npos) {
    candidates_.push_back(name_);
    return;
  }
  std::string_view path = SearchPath(process.env);
  while (!name_.empty() && !path.empty()) {
    std::string_view directory = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), directory.size() + 1));
    // An empty or relative component would mean the working directory: whoever writes there does not choose the
    // command.
    if (directory.starts_with('/')) candidates_.push_back(std::string(directory) + "/" + name_);
  }
}

Failure Command::Execute() const {
  int worst = ENOENT;
  for (const std::string& candidate : candidates_) {
    execve(candidate.c_str(), arguments_.data(), environment_.data());
    if (errno == ENOENT || errno == ENOTDIR) continue;
    worst = errno;
    // As execvp(3): what may not be executed does not hide another one further on.
    if (errno != EACCES) break;
  }
  Failure failure{"execute the command", "execve", worst, name_};
  failure.code = worst == ENOENT ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE";
  return failure;
}

}  // namespace berth
