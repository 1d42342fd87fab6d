#include "core/thread.h"

#include <pthread.h>
#include <signal.h>

namespace berth {

struct Thread::State {
  pthread_t thread;
};

void Thread::StateDeleter::operator()(State* state) const { delete state; }

namespace {

struct Start {
  const char* name;
  std::function<void()> body;
};

void* Run(void* argument) {
  std::unique_ptr<Start> start(static_cast<Start*>(argument));
  pthread_setname_np(pthread_self(), start->name);
  start->body();
  return nullptr;
}

Result<pthread_t> Create(const char* name, std::function<void()> body) {
  auto start = std::make_unique<Start>(Start{name, std::move(body)});
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, Run, start.get());
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  if (error != 0) return SystemFailure("start a thread", "pthread_create", name, error);
  static_cast<void>(start.release());
  return thread;
}

}  // namespace

Thread::~Thread() { Join(); }

Result<Thread> Thread::Start(const char* name, std::function<void()> body) {
  auto created = Create(name, std::move(body));
  if (!created) return created.failure();
  Thread thread;
  thread.state_.reset(new State{created.value()});
  return thread;
}

Result<> Thread::StartDetached(const char* name, std::function<void()> body) {
  auto created = Create(name, std::move(body));
  if (!created) return created.failure();
  pthread_detach(created.value());
  return Unit{};
}

void Thread::Join() {
  if (!state_) return;
  pthread_join(state_->thread, nullptr);
  state_.reset();
}

}  // namespace berth
