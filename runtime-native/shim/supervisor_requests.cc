#include <cerrno>

#include "shim/exec_start.h"
#include "shim/supervisor.h"
#include "shim/sync_channel.h"
#include "shim/wire.h"

namespace berth {

namespace {

// With their pipes, and all the clients, still within the usual limit of 1024 descriptors.
constexpr size_t kMaxExecs = 128;

void SendFailure(ClientConnection& client, const Failure& failure) {
  WireWriter out;
  WriteFailure(out, failure);
  client.Send(Answer::kError, out.bytes());
}

void SendStarted(ClientConnection& client, pid_t pid) {
  client.Send(Answer::kStarted, WireWriter().U32(static_cast<uint32_t>(pid)).bytes());
}

}  // namespace

bool Supervisor::IsAttachedTo(const ClientConnection& client, const SupervisedProcess& process) const {
  return client.streams != 0 && ProcessOf(client) == &process;
}

void Supervisor::ReadClient(ClientConnection& client) {
  bool more = client.Receive();
  if (client.HasEnded()) {
    if (!more) client.Close();
    return;
  }
  Request request;
  std::string_view payload;
  ClientConnection::Next next;
  while (!client.IsClosed() && (next = client.NextFrame(request, payload)) != ClientConnection::Next::kIncomplete) {
    if (next == ClientConnection::Next::kMalformed || !HandleRequest(client, request, payload)) return client.Close();
  }
  if (more || client.IsClosed()) return;
  // It has shut its side down, and may still read.
  client.input_ended = true;
  EndClientInput(client, false);
}

// False: out of place, or not to be read.
bool Supervisor::HandleRequest(ClientConnection& client, Request request, std::string_view payload) {
  WireReader in(AsBytes(payload));
  SupervisedProcess* process = ProcessOf(client);
  switch (request) {
    case Request::kAttach:
      return HandleAttach(client, payload);
    case Request::kExec:
      return HandleExec(client, payload);
    case Request::kStdin:
      // Without a stdin, or with one that has ended, what is sent goes nowhere.
      if (!client.dedicated) return false;
      if ((client.streams & kStreamStdin) == 0) return true;
      client.sent_input = true;
      process->TakeInput(payload);
      return true;
    case Request::kCloseStdin:
      if (!client.dedicated) return false;
      EndClientInput(client, true);
      return true;
    case Request::kResize: {
      uint16_t rows = in.U16();
      uint16_t columns = in.U16();
      if (in.AtEnd() && process != nullptr) process->Resize(rows, columns);
      return in.AtEnd();
    }
    case Request::kKill:
      return HandleKill(client, payload);
    case Request::kWait:
      client.waiting = true;
      return !client.is_exec;
  }
  return false;
}

bool Supervisor::HandleKill(ClientConnection& client, std::string_view payload) {
  WireReader in(AsBytes(payload));
  uint32_t signal = in.U32();
  if (!in.AtEnd()) return false;
  const SupervisedProcess* process = ProcessOf(client);
  errno = ESRCH;
  if (process != nullptr && process->Kill(static_cast<int>(signal))) {
    client.Send(Answer::kDone, "");
  } else {
    SendFailure(client, SystemFailure("send signal " + std::to_string(signal), "pidfd_send_signal"));
  }
  return true;
}

bool Supervisor::HandleAttach(ClientConnection& client, std::string_view payload) {
  WireReader in(AsBytes(payload));
  uint8_t streams = in.U8();
  if (!in.AtEnd() || client.dedicated || streams == 0 || streams > (kStreamStdin | kStreamStdout | kStreamStderr))
    return false;
  client.streams = streams;
  client.dedicated = true;
  SendStarted(client, init_->pid());
  return true;
}

bool Supervisor::HandleExec(ClientConnection& client, std::string_view payload) {
  if (client.dedicated) return false;
  client.dedicated = true;
  client.is_exec = true;
  auto plan = DecodeExecPlan(AsBytes(payload));
  if (!plan.ok()) {
    SendFailure(client, plan.failure());
    return true;
  }
  if (execs_.size() >= kMaxExecs) {
    SendFailure(client, RuleFailure("LIMIT", "too many processes are being executed in this container"));
    return true;
  }
  if (plan_.own_pid_namespace && !pid_namespace_) {
    SendFailure(client, Failure{"execute in the container", "open", ESRCH, "its pid namespace"});
    return true;
  }
  ExecTarget target{init_pidfd_,  pid_namespace_.get(),    plan_.namespace_flags,
                    plan_.cgroup, plan_.has_oom_score_adj, plan_.oom_score_adj};
  auto started = StartExec(plan.value(), target);
  if (!started.ok()) {
    SendFailure(client, started.failure());
    return true;
  }
  auto process =
      std::make_unique<SupervisedProcess>(started.value().process.pid, std::move(started.value().process.pidfd),
                                          UniqueFd(), std::move(started.value().streams));
  process->sync = std::move(started.value().sync);
  process->discards_output = plan.value().detach;
  client.exec = process.get();
  if (!plan.value().detach) {
    client.streams = kStreamStdout | kStreamStderr;
    if (plan.value().open_stdin) client.streams |= kStreamStdin;
  }
  execs_.push_back(std::move(process));
  return true;
}

// `asked`: by CLOSE_STDIN; otherwise the client has gone.
void Supervisor::EndClientInput(ClientConnection& client, bool asked) {
  if ((client.streams & kStreamStdin) == 0) return;
  client.streams &= static_cast<uint8_t>(~kStreamStdin);
  bool closes = client.is_exec || (plan_.stdin_once && (asked || client.sent_input));
  SupervisedProcess* process = ProcessOf(client);
  if (closes && process != nullptr) process->CloseInput();
}

void Supervisor::ReadExecProgress(SupervisedProcess& process) {
  SyncMessage message = ReceiveSync(process.sync.get());
  if (message.kind == SyncKind::kConsole) return process.SetTerminal(std::move(message.descriptor));
  if (message.kind == SyncKind::kExecuting) {
    process.executing = true;
    return;
  }
  process.sync.reset();
  bool started = message.kind == SyncKind::kEnd && process.executing;
  if (message.kind != SyncKind::kFailed)
    message.failure = RuleFailure("SYSTEM", "the process was killed while it was being set up");
  for (auto& client : clients_) {
    if (client->exec != &process) continue;
    if (started) {
      SendStarted(*client, process.pid());
    } else {
      SendFailure(*client, message.failure);
    }
    if (!started) {
      client->exec = nullptr;
      client->streams = 0;
    }
  }
}

}  // namespace berth
