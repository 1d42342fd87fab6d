#include "shim/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "shim/idle_memory.h"
#include "shim/sync_channel.h"
#include "shim/wire.h"

namespace berth {

namespace {

constexpr size_t kOutputBytes = 32 << 10;
constexpr size_t kMaxClients = 128;
// shim-protocol.ts promises these.
constexpr time_t kStallSeconds = 30;
constexpr int kIdleMilliseconds = 1000;

}  // namespace

struct Supervisor::Watch {
  enum class Kind { kSignals, kListener, kOutput, kError, kInput, kSync, kClient } kind;
  int fd;
  short events;
  SupervisedProcess* process = nullptr;
  ClientConnection* client = nullptr;
};

SupervisionPlan SupervisionPlan::Of(LaunchPlan& plan) {
  SupervisionPlan kept;
  kept.namespace_flags = 0;
  for (size_t kind = 0; kind < kNamespaceCount; kind++)
    if (kind != static_cast<size_t>(NamespaceKind::kPid) && plan.namespaces[kind].kind != NamespaceChoice::Kind::kHost)
      kept.namespace_flags |= static_cast<int>(kNamespaceFlags[kind]);
  kept.own_pid_namespace = !plan.IsHost(NamespaceKind::kPid);
  kept.has_oom_score_adj = plan.has_oom_score_adj;
  kept.oom_score_adj = plan.oom_score_adj;
  kept.stdin_once = plan.io.stdin_once;
  kept.cgroup = std::move(plan.cgroup);
  kept.socket_path = std::move(plan.socket_path);
  kept.exit_file = std::move(plan.exit_file);
  kept.exit_file_durable = plan.exit_file_durable;
  kept.on_exit = std::move(plan.on_exit);
  return kept;
}

Supervisor::Supervisor(SupervisionPlan plan, StartedContainer container)
    : plan_(std::move(plan)),
      root_(std::move(container.root)),
      log_(std::move(container.log)),
      signals_(std::move(container.signals)),
      listener_(std::move(container.listener)),
      init_pidfd_(container.running.pidfd.get()) {
  RunningContainer& running = container.running;
  if (plan_.own_pid_namespace)
    pid_namespace_ = UniqueFd(open(("/proc/" + std::to_string(running.pid) + "/ns/pid").c_str(), O_RDONLY | O_CLOEXEC));
  init_ = std::make_unique<SupervisedProcess>(running.pid, std::move(running.pidfd), std::move(running.terminal),
                                              std::move(running.streams));
}

void Supervisor::AdoptAttached(UniqueFd socket) {
  auto client = std::make_unique<ClientConnection>(std::move(socket));
  client->streams = kStreamStdin | kStreamStdout | kStreamStderr;
  client->dedicated = true;
  clients_.push_back(std::move(client));
}

void Supervisor::Run() {
  std::vector<pollfd> polled;
  bool busy = true;
  while (!init_->exit_code) {
    std::vector<Watch> watches = Watches();
    polled.clear();
    bool behind = false;
    for (const Watch& watch : watches) polled.push_back({watch.fd, watch.events, 0});
    for (const auto& client : clients_) behind = behind || client->IsBehind();
    int ready = poll(polled.data(), polled.size(), behind || busy ? kIdleMilliseconds : -1);
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0 && busy) ReleaseIdleMemory();
    busy = ready != 0;
    for (size_t i = 0; i < polled.size(); i++)
      if (polled[i].revents != 0) Handle(watches[i], polled[i].revents);
    FinishExecs();
    if (behind) DropStalledClients();
    Sweep();
  }
  EndContainer();
}

std::vector<Supervisor::Watch> Supervisor::Watches() {
  std::vector<Watch> watches;
  watches.push_back({Watch::Kind::kSignals, signals_.get(), POLLIN});
  if (clients_.size() < kMaxClients) watches.push_back({Watch::Kind::kListener, listener_.get(), POLLIN});
  auto add_process = [&](SupervisedProcess& process) {
    if (process.sync) watches.push_back({Watch::Kind::kSync, process.sync.get(), POLLIN, &process});
    if (!IsOutputHeld(process)) {
      if (process.output() >= 0) watches.push_back({Watch::Kind::kOutput, process.output(), POLLIN, &process});
      if (process.error() >= 0) watches.push_back({Watch::Kind::kError, process.error(), POLLIN, &process});
    }
    if (process.HasPendingInput() && process.input() >= 0)
      watches.push_back({Watch::Kind::kInput, process.input(), POLLOUT, &process});
  };
  add_process(*init_);
  for (auto& process : execs_) add_process(*process);
  for (auto& client : clients_) {
    const SupervisedProcess* process = ProcessOf(*client);
    bool reads = !client->input_ended && (process == nullptr || !process->IsInputFull());
    // A client that hung up while its input waits is looked at again when there is room: poll(2) would report it for
    // ever.
    if (!reads && !client->HasOutput() && !client->input_ended) continue;
    short events = static_cast<short>((reads ? POLLIN : 0) | (client->HasOutput() ? POLLOUT : 0));
    watches.push_back({Watch::Kind::kClient, client->socket(), events, nullptr, client.get()});
  }
  return watches;
}

void Supervisor::Handle(const Watch& watch, short events) {
  switch (watch.kind) {
    case Watch::Kind::kSignals:
      return ReadSignals();
    case Watch::Kind::kListener:
      return AcceptClient();
    case Watch::Kind::kOutput:
    case Watch::Kind::kError:
      ReadOutput(*watch.process, watch.kind == Watch::Kind::kError);
      return;
    case Watch::Kind::kInput:
      return watch.process->WritePendingInput();
    case Watch::Kind::kSync:
      return ReadExecProgress(*watch.process);
    case Watch::Kind::kClient:
      if (watch.client->IsClosed()) return;
      if ((events & POLLOUT) != 0) watch.client->Flush();
      if (!watch.client->IsClosed() && (events & POLLIN) != 0) return ReadClient(*watch.client);
      if ((events & (POLLERR | POLLHUP)) != 0) watch.client->Close();
  }
}

void Supervisor::AcceptClient() {
  UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) clients_.push_back(std::make_unique<ClientConnection>(std::move(socket)));
}

bool Supervisor::ReadOutput(SupervisedProcess& process, bool error) {
  int fd = error ? process.error() : process.output();
  if (fd < 0) return false;
  char buffer[kOutputBytes];
  ssize_t count;
  do count = read(fd, buffer, sizeof buffer);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return false;
  bool of_init = &process == init_.get();
  JsonLog::Partial& line = error ? process.error_line : process.output_line;
  // EIO: a terminal that nobody has open any more.
  if (count <= 0) {
    if (of_init) log_.Finish(line);
    process.CloseOutput(error);
    return false;
  }
  std::string_view output(buffer, static_cast<size_t>(count));
  if (of_init) log_.Append(line, output);
  for (auto& client : clients_)
    if (IsAttachedTo(*client, process) && (client->streams & (error ? kStreamStderr : kStreamStdout)) != 0)
      client->Send(error ? Answer::kStderr : Answer::kStdout, output);
  return true;
}

// After the process's end: what it left in its pipes, which is bounded, unless somebody who outlives it goes on
// writing.
void Supervisor::DrainOutput(SupervisedProcess& process) {
  constexpr int kMaxReads = 64;
  for (bool error : {false, true})
    for (int reads = 0; reads < kMaxReads && ReadOutput(process, error); reads++) continue;
}

bool Supervisor::IsOutputHeld(const SupervisedProcess& process) const {
  // STARTED comes first.
  if (process.sync) return true;
  return std::any_of(clients_.begin(), clients_.end(),
                     [&](const auto& client) { return IsAttachedTo(*client, process) && client->IsBehind(); });
}

void Supervisor::DropStalledClients() {
  time_t now = MonotonicSeconds();
  for (auto& client : clients_) {
    if (!client->IsBehind() || now - client->last_progress() < kStallSeconds) continue;
    const SupervisedProcess* process = ProcessOf(*client);
    if (process == nullptr) continue;
    bool others = std::any_of(clients_.begin(), clients_.end(), [&](const auto& other) {
      return other != client && !other->IsClosed() && IsAttachedTo(*other, *process);
    });
    if (others || (!client->is_exec && log_.IsKept())) client->Close();
  }
}

void Supervisor::ReadSignals() {
  signalfd_siginfo received[8];
  ssize_t count = read(signals_.get(), received, sizeof received);
  for (size_t i = 0; count > 0 && i < static_cast<size_t>(count) / sizeof received[0]; i++)
    // Asked to end, the shim ends its container: nothing runs without somebody who looks after it.
    if (received[i].ssi_signo != SIGCHLD) init_->Kill(SIGKILL);
  ReapChildren();
}

void Supervisor::ReapChildren() {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == init_->pid()) init_->exit_code = ExitCodeOf(status);
    for (auto& process : execs_)
      if (process->pid() == pid) process->exit_code = ExitCodeOf(status);
  }
}

void Supervisor::FinishExecs() {
  for (auto& process : execs_) {
    if (!process->exit_code) continue;
    // Its last word on why it never became the command.
    while (process->sync) ReadExecProgress(*process);
    DrainOutput(*process);
    for (auto& client : clients_) {
      if (client->exec != process.get()) continue;
      client->ends_when_flushed = true;
      if (!process->discards_output) {
        WireWriter exit;
        exit.U8(static_cast<uint8_t>(*process->exit_code)).U8(0);
        client->Send(Answer::kExit, exit.bytes());
      }
      client->Flush();
      client->exec = nullptr;
      client->streams = 0;
    }
  }
  std::erase_if(execs_, [](const auto& process) { return process->exit_code.has_value(); });
}

void Supervisor::Sweep() {
  for (auto& client : clients_)
    if (client->IsClosed()) EndClientInput(*client, false);
  std::erase_if(clients_, [](const auto& client) { return client->IsClosed(); });
}

}  // namespace berth
