#include "shim/json_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/json_text.h"
#include "shim/utc_time.h"

namespace berth {

namespace {
constexpr size_t kMaxLine = 16 << 10;
}

Result<JsonLog> JsonLog::Open(const IoPlan& plan) {
  JsonLog log;
  if (plan.log_path.empty()) return log;
  log.path_ = plan.log_path;
  log.max_bytes_ = plan.log_max_bytes;
  log.max_files_ = plan.log_max_files == 0 ? 1 : plan.log_max_files;
  log.file_ = UniqueFd(open(log.path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
  struct stat status;
  if (!log.file_ || fstat(log.file_.get(), &status) < 0)
    return SystemFailure("open the container's log", "open", log.path_);
  log.size_ = static_cast<uint64_t>(status.st_size);
  return log;
}

void JsonLog::Append(Partial& partial, std::string_view output) {
  if (!file_) return;
  std::string time = UtcTimeNow();
  while (!output.empty()) {
    size_t room = kMaxLine - partial.text.size();
    size_t newline = output.substr(0, room).find('\n');
    bool complete = newline != std::string_view::npos;
    size_t taken = complete ? newline + 1 : std::min(room, output.size());
    partial.text.append(output.substr(0, complete ? newline : taken));
    output.remove_prefix(taken);
    if (!complete && partial.text.size() < kMaxLine) break;
    AddEntry(partial.text, complete, partial.stream, time);
    partial.text.clear();
  }
  Flush();
}

void JsonLog::Finish(Partial& partial) {
  if (!file_ || partial.text.empty()) return;
  AddEntry(partial.text, false, partial.stream, UtcTimeNow());
  partial.text = std::string();
  Flush();
}

void JsonLog::AddEntry(std::string_view line, bool complete, std::string_view stream, const std::string& time) {
  pending_ += "{\"log\":\"";
  AppendJsonEscaped(pending_, line);
  if (complete) pending_ += "\\n";
  pending_ += "\",\"stream\":\"";
  pending_ += stream;
  pending_ += "\",\"time\":\"";
  pending_ += time;
  pending_ += "\"}\n";
  if (max_bytes_ != 0 && size_ + pending_.size() >= max_bytes_) {
    Flush();
    Rotate();
  }
}

void JsonLog::Flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    ssize_t written = write(file_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    size_ += static_cast<uint64_t>(written);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  pending_.clear();
  // An idle shim keeps no large buffer.
  if (pending_.capacity() > kMaxLine) pending_ = std::string();
}

void JsonLog::Rotate() {
  auto numbered = [this](uint32_t number) { return number == 0 ? path_ : path_ + "." + std::to_string(number); };
  for (uint32_t number = max_files_ - 1; number > 0; number--)
    rename(numbered(number - 1).c_str(), numbered(number).c_str());
  // With one file its content is dropped instead.
  UniqueFd next(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!next) return;
  file_ = std::move(next);
  size_ = 0;
}

}  // namespace berth
