#pragma once

#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "shim/client_connection.h"
#include "shim/container_start.h"
#include "shim/exit_record.h"
#include "shim/json_log.h"
#include "shim/launch_plan.h"
#include "shim/overlay_mount.h"
#include "shim/supervised_process.h"

namespace berth {

// What of the launch plan is needed while the container runs; the rest is let go, since every container keeps a shim.
struct SupervisionPlan {
  int namespace_flags;
  bool own_pid_namespace, has_oom_score_adj, stdin_once, exit_file_durable;
  int32_t oom_score_adj;
  CgroupPlan cgroup;
  std::string socket_path, exit_file;
  std::vector<std::string> on_exit;

  static SupervisionPlan Of(LaunchPlan& plan);
};

// Everything that a started container holds on the host.
struct StartedContainer {
  RunningContainer running;
  OverlayMount root;
  JsonLog log;
  UniqueFd signals, listener;
};

// One thread, one poll loop: moves output to log and clients, input from clients, starts exec processes, and clears up
// when the container's first process has ended.
class Supervisor {
 public:
  Supervisor(SupervisionPlan plan, StartedContainer container);

  // The launcher's own connection, attached from the first byte on.
  void AdoptAttached(UniqueFd socket);
  void Run();

 private:
  struct Watch;
  using Processes = std::vector<std::unique_ptr<SupervisedProcess>>;

  // The loop: supervisor.cc
  std::vector<Watch> Watches();
  void Handle(const Watch& watch, short events);
  void AcceptClient();
  // False: there was nothing to read.
  bool ReadOutput(SupervisedProcess& process, bool error);
  void DrainOutput(SupervisedProcess& process);
  bool IsOutputHeld(const SupervisedProcess& process) const;
  void ReadSignals();
  void ReapChildren();
  void FinishExecs();
  void DropStalledClients();
  void Sweep();

  // What clients ask for: supervisor_requests.cc
  void ReadClient(ClientConnection& client);
  bool HandleRequest(ClientConnection& client, Request request, std::string_view payload);
  bool HandleAttach(ClientConnection& client, std::string_view payload);
  bool HandleKill(ClientConnection& client, std::string_view payload);
  bool HandleExec(ClientConnection& client, std::string_view payload);
  void EndClientInput(ClientConnection& client, bool asked);
  void ReadExecProgress(SupervisedProcess& process);
  bool IsAttachedTo(const ClientConnection& client, const SupervisedProcess& process) const;
  // The container's first process, or the connection's own; nothing: that has ended.
  SupervisedProcess* ProcessOf(const ClientConnection& client) const {
    return client.is_exec ? client.exec : init_.get();
  }

  // The end: container_end.cc
  void EndContainer();
  void FlushClients();
  void RunOnExit();

  SupervisionPlan plan_;
  OverlayMount root_;
  JsonLog log_;
  UniqueFd signals_, listener_;
  UniqueFd pid_namespace_;
  int init_pidfd_;
  std::unique_ptr<SupervisedProcess> init_;
  Processes execs_;
  std::vector<std::unique_ptr<ClientConnection>> clients_;
};

}  // namespace berth
