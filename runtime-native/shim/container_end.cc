#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/cgroup_removal.h"
#include "shim/supervisor.h"
#include "shim/utc_time.h"
#include "shim/wire.h"

namespace berth {

namespace {
// For clients that have not taken the last output yet.
constexpr int kFlushMilliseconds = 30000;
// For those that have, and do not close.
constexpr time_t kLingerSeconds = 5;
}  // namespace

void Supervisor::EndContainer() {
  std::string finished_at = UtcTimeNow();
  ExitStatus status{init_->exit_code.value_or(128 + SIGKILL), WasOomKilled(plan_.cgroup)};
  ClearCgroups(plan_.cgroup);
  for (auto& process : execs_)
    if (!process->exit_code) process->exit_code = 128 + SIGKILL;
  FinishExecs();
  DrainOutput(*init_);
  log_.Finish(init_->output_line);
  log_.Finish(init_->error_line);

  // The overlay's last reference writes its upper filesystem's dirty pages back, all of them: nobody needs to wait for
  // that.
  UniqueFd flushes_later = root_.Unmount();
  // Nobody is left to tell of a failure: whoever waits still gets the answer below.
  (void)WriteExitRecord(plan_.exit_file, plan_.exit_file_durable, status, finished_at);

  // Before the answer: who has it finds nothing left of the container.
  unlink(plan_.socket_path.c_str());

  WireWriter exit;
  exit.U8(static_cast<uint8_t>(status.code)).U8(status.oom_killed ? 1 : 0);
  for (auto& client : clients_) {
    client->ends_when_flushed = true;
    if (client->waiting || client->streams != 0) client->Send(Answer::kExit, exit.bytes());
    client->Flush();
  }
  listener_.reset();
  RunOnExit();
  FlushClients();
}

void Supervisor::FlushClients() {
  time_t lingers_until = MonotonicSeconds() + kLingerSeconds;
  for (;;) {
    std::vector<pollfd> polled;
    std::vector<ClientConnection*> open;
    bool unsent = false;
    for (auto& client : clients_) {
      if (client->IsClosed()) continue;
      unsent = unsent || client->HasOutput();
      polled.push_back({client->socket(), static_cast<short>(client->HasOutput() ? POLLOUT : POLLIN), 0});
      open.push_back(client.get());
    }
    time_t left = lingers_until - MonotonicSeconds();
    if (open.empty() || (!unsent && left <= 0)) return;
    int timeout = unsent ? kFlushMilliseconds : static_cast<int>(left * 1000);
    if (poll(polled.data(), polled.size(), timeout) <= 0) return;
    for (size_t i = 0; i < open.size(); i++) {
      if (polled[i].revents == 0) continue;
      if (open[i]->HasOutput()) {
        open[i]->Flush();
      } else if (!open[i]->Receive()) {
        open[i]->Close();
      }
    }
  }
}

void Supervisor::RunOnExit() {
  if (plan_.on_exit.empty()) return;
  if (fork() != 0) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  setsid();
  close_range(3, ~0u, 0);
  std::vector<char*> arguments;
  for (std::string& argument : plan_.on_exit) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace berth
