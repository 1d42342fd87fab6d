#include <fcntl.h>
#include <napi.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <optional>

#include "addon/failure_to_js.h"
#include "addon/registrations.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "shim/descriptor_passing.h"
#include "shim/launcher_channel.h"
#include "shim/wire.h"

namespace berth {

namespace {

constexpr const char* kStep = "start berth-shim";

struct Launched {
  uint32_t pid, shim_pid;
  UniqueFd attach;
};

// The shim's binary on a read-only mount that no process can reach by a path: a container which gets hold of
// /proc/PID/exe of the shim cannot write to it, whatever its rights (CVE-2019-5736). Unlike a copy in a memfd, the
// pages stay shared.
Result<UniqueFd> OpenSealed(const std::string& path) {
  UniqueFd tree(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return SystemFailure(kStep, "open_tree", path);
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
  attributes.propagation = MS_PRIVATE;
  if (mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return SystemFailure(kStep, "mount_setattr", path);
  return tree;
}

// posix_spawn's attributes and file actions, which have to be destroyed.
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

// Starts the shim with `socket` as its descriptor 3 and /dev/null as the others; waits until it has become a daemon.
Result<> Spawn(const std::string& shim_path, std::string id, int socket) {
  auto sealed = OpenSealed(shim_path);
  if (!sealed.ok()) return std::move(sealed.failure());
  SpawnSetup setup;
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&setup.attributes, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&setup.attributes, &signals);
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&setup.actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&setup.actions, socket, 3);

  std::string path = "/proc/self/fd/" + std::to_string(sealed.value().get());
  char name[] = "berth-shim";
  char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  // For whoever looks at the host's processes.
  char* arguments[] = {name, id.data(), nullptr};
  char* environment[] = {search_path, nullptr};
  pid_t pid;
  int error = posix_spawn(&pid, path.c_str(), &setup.actions, &setup.attributes, arguments, environment);
  if (error != 0) return SystemFailure(kStep, "posix_spawn", shim_path, error);
  // The daemon is its child; this one ends at once.
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return Unit{};
}

Result<> SendPlan(int socket, std::string_view plan) {
  WireWriter header;
  header.U32(static_cast<uint32_t>(plan.size()));
  bool sent = SendWithDescriptor(socket, header.bytes(), -1);
  for (; sent && !plan.empty(); plan.remove_prefix(std::min(plan.size(), kPlanPacketBytes)))
    sent = SendWithDescriptor(socket, plan.substr(0, kPlanPacketBytes), -1);
  if (!sent) return SystemFailure("hand the launch plan to berth-shim", "sendmsg");
  return Unit{};
}

Result<Launched> ReceiveAnswer(int socket) {
  std::string buffer(64 << 10, '\0');
  Launched launched = {};
  ssize_t count = ReceiveWithDescriptor(socket, buffer.data(), buffer.size(), launched.attach);
  if (count < 0) return SystemFailure("wait for berth-shim", "recvmsg");
  WireReader in(AsBytes({buffer.data(), static_cast<size_t>(count)}));
  bool started = in.Bool();
  if (in.ok() && !started) {
    Failure failure = ReadFailure(in);
    // The socket's end is the shim's end.
    UniqueFd none;
    char byte;
    while (ReceiveWithDescriptor(socket, &byte, 1, none) > 0) continue;
    if (in.ok()) return failure;
  }
  launched.pid = in.U32();
  launched.shim_pid = in.U32();
  if (!in.ok()) return RuleFailure("SHIM_DIED", "berth-shim ended before it had started the container");
  return launched;
}

Result<Launched> Launch(const std::string& shim_path, const std::string& id, std::string_view plan) {
  if (plan.size() > kMaxPlanBytes) return RuleFailure("INVALID_PLAN", "the launch plan is too large");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return SystemFailure(kStep, "socketpair");
  UniqueFd own(ends[0]), theirs(ends[1]);
  auto spawned = Spawn(shim_path, id, theirs.get());
  if (!spawned.ok()) return std::move(spawned.failure());
  theirs.reset();
  auto sent = SendPlan(own.get(), plan);
  if (!sent.ok()) return std::move(sent.failure());
  return ReceiveAnswer(own.get());
}

class LaunchWorker : public Napi::AsyncWorker {
 public:
  LaunchWorker(Napi::Env env, std::string shim_path, std::string id, std::string plan)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        shim_path_(std::move(shim_path)),
        id_(std::move(id)),
        plan_(std::move(plan)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { result_.emplace(Launch(shim_path_, id_, plan_)); }

  void OnOK() override {
    Napi::Env env = Env();
    if (!result_->ok()) {
      deferred_.Reject(FailureToJs(env, result_->failure()).Value());
      return;
    }
    Launched& launched = result_->value();
    Napi::Object object = Napi::Object::New(env);
    object.Set("pid", launched.pid);
    object.Set("shimPid", launched.shim_pid);
    if (launched.attach) object.Set("attachFd", launched.attach.release());
    deferred_.Resolve(object);
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::string shim_path_, id_, plan_;
  std::optional<Result<Launched>> result_;
};

Napi::Value LaunchShim(const Napi::CallbackInfo& info) {
  auto plan = info[2].As<Napi::Uint8Array>();
  std::string bytes(reinterpret_cast<const char*>(plan.Data()), plan.ByteLength());
  auto* worker = new LaunchWorker(info.Env(), info[0].ToString(), info[1].ToString(), std::move(bytes));
  Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace

void RegisterLaunch(Napi::Env env, Napi::Object exports) {
  exports.Set("launchShim", Napi::Function::New(env, LaunchShim));
}

}  // namespace berth
