#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/launch_plan.h"

namespace berth {

// Docker's json-file log: one {"log","stream","time"} object a line. A line of output longer than 16 KiB, or one that
// the end of the stream cuts off, is recorded in parts without a newline, as Docker does.
class JsonLog {
 public:
  // No path: everything is thrown away.
  static Result<JsonLog> Open(const IoPlan& plan);

  // What a stream has not ended with a newline yet.
  struct Partial {
    std::string_view stream;
    std::string text;
  };

  bool IsKept() const { return static_cast<bool>(file_); }
  // A full disk loses lines; it does not stop the container.
  void Append(Partial& partial, std::string_view output);
  void Finish(Partial& partial);

 private:
  void AddEntry(std::string_view line, bool complete, std::string_view stream, const std::string& time);
  void Flush();
  void Rotate();

  std::string path_;
  uint64_t max_bytes_ = 0;
  uint32_t max_files_ = 1;
  UniqueFd file_;
  uint64_t size_ = 0;
  std::string pending_;
};

}  // namespace berth
