#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/result.h"

namespace berth {

// A native thread with every signal blocked (signals belong to the process's own threads), joined when it goes away.
class Thread {
 public:
  Thread() = default;
  Thread(Thread&&) noexcept = default;
  Thread& operator=(Thread&&) noexcept = default;
  ~Thread();

  // `name` shows in /proc/PID/task/TID/comm; at most 15 bytes. `body` must not throw.
  static Result<Thread> Start(const char* name, std::function<void()> body);
  // Runs `body` in a thread that nobody waits for.
  static Result<> StartDetached(const char* name, std::function<void()> body);

  void Join();

 private:
  struct State;
  struct StateDeleter {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, StateDeleter> state_;
};

}  // namespace berth
