#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace berth {

// What failed: `step` in berth's words, `syscall` and `errno_value` from the kernel (0: none), `path` it was about.
// `code` is "SYSTEM" for a failed call, else the rule that was broken ("LAYER_INVALID", "DIGEST_MISMATCH", "LIMIT",
// ...).
struct Failure {
  std::string step;
  std::string syscall;
  int errno_value = 0;
  std::string path;
  std::string code = "SYSTEM";
  std::string message;
};

inline Failure SystemFailure(std::string step, std::string syscall, std::string path = "", int errno_value = errno) {
  return Failure{std::move(step), std::move(syscall), errno_value, std::move(path), "SYSTEM", ""};
}

inline Failure RuleFailure(std::string code, std::string message, std::string path = "") {
  return Failure{"", "", 0, std::move(path), std::move(code), std::move(message)};
}

struct Unit {};

// Either a value or a Failure. No exceptions below addon/.
template <typename T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Failure failure) : state_(std::move(failure)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  Failure& failure() { return std::get<1>(state_); }
  const Failure& failure() const { return std::get<1>(state_); }

 private:
  std::variant<T, Failure> state_;
};

}  // namespace berth
