#include "shim/process_identity.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/propagate.h"

namespace berth {

namespace {

constexpr const char* kCapabilityStep = "set capabilities";
constexpr const char* kUserStep = "become the container's user";

struct Capabilities {
  uint64_t effective, permitted, inheritable;
};

Result<Capabilities> OwnCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) < 0) return SystemFailure(kCapabilityStep, "capget");
  auto joined = [](uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; };
  return Capabilities{joined(data[0].effective, data[1].effective), joined(data[0].permitted, data[1].permitted),
                      joined(data[0].inheritable, data[1].inheritable)};
}

Result<> SetCapabilities(const Capabilities& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; half++) {
    data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  if (syscall(SYS_capset, &header, data) < 0) return SystemFailure(kCapabilityStep, "capset");
  return Unit{};
}

// What the process itself lacks in its bounding set is neither asked for nor an error.
Result<> DropBounding(uint64_t kept) {
  for (int capability = 0; capability < 64; capability++) {
    int held = prctl(PR_CAPBSET_READ, capability);
    if (held < 0) break;
    if (held == 0 || (kept >> capability & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability) < 0) return SystemFailure(kCapabilityStep, "prctl PR_CAPBSET_DROP");
  }
  return Unit{};
}

Result<> RaiseAmbient(uint64_t ambient) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return SystemFailure(kCapabilityStep, "prctl PR_CAP_AMBIENT");
  for (int capability = 0; capability < 64; capability++) {
    if ((ambient >> capability & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      return SystemFailure(kCapabilityStep, "prctl PR_CAP_AMBIENT");
  }
  return Unit{};
}

Result<> InstallFilter(const std::string& program) {
  if (program.empty()) return Unit{};
  sock_fprog filter = {static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
    return SystemFailure("install the seccomp filter", "seccomp");
  return Unit{};
}

Result<> BecomeUser(const ProcessPlan& process) {
  if (setgroups(process.additional_gids.size(), process.additional_gids.data()) < 0)
    return SystemFailure(kUserStep, "setgroups");
  if (setresgid(process.gid, process.gid, process.gid) < 0) return SystemFailure(kUserStep, "setresgid");
  if (setresuid(process.uid, process.uid, process.uid) < 0) return SystemFailure(kUserStep, "setresuid");
  return Unit{};
}

}  // namespace

Result<> ApplyResourceLimits(const ProcessPlan& process) {
  for (const ResourceLimit& limit : process.rlimits) {
    rlimit values = {limit.soft, limit.hard};
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &values) < 0)
      return SystemFailure("set resource limit " + std::to_string(limit.resource), "setrlimit");
  }
  return Unit{};
}

Result<> ApplyIdentity(const ProcessPlan& process) {
  BERTH_TRY(DropBounding(process.bounding));
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return SystemFailure(kUserStep, "prctl PR_SET_KEEPCAPS");
  Capabilities before = BERTH_TRY(OwnCapabilities());
  BERTH_TRY(BecomeUser(process));
  // Nothing runs without the shim. Only now: a change of user takes this back.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return SystemFailure(kUserStep, "prctl PR_SET_PDEATHSIG");

  // KEEPCAPS keeps the permitted set of a process that stops being root; the effective one has to be taken up again.
  Capabilities final_sets;
  final_sets.permitted = process.permitted & process.bounding & before.permitted;
  final_sets.effective = process.effective & final_sets.permitted;
  // No ambient capability without the same inheritable one; otherwise inheritable stays empty (CVE-2022-24769).
  uint64_t ambient = process.ambient & final_sets.permitted;
  final_sets.inheritable = ambient;

  if (process.no_new_privileges) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return SystemFailure(kCapabilityStep, "prctl PR_SET_NO_NEW_PRIVS");
    BERTH_TRY(SetCapabilities(final_sets));
    BERTH_TRY(RaiseAmbient(ambient));
    return InstallFilter(process.seccomp);
  }
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, so the last drop comes after it: Docker's profile lets capset
  // and prctl through.
  if (!process.seccomp.empty()) {
    BERTH_TRY(SetCapabilities({before.permitted, before.permitted, 0}));
    BERTH_TRY(InstallFilter(process.seccomp));
  }
  BERTH_TRY(SetCapabilities(final_sets));
  return RaiseAmbient(ambient);
}

Result<> BecomeNamespaceRoot() {
  constexpr const char* kStep = "become root of the user namespace";
  if (setresgid(0, 0, 0) < 0) return SystemFailure(kStep, "setresgid");
  if (setresuid(0, 0, 0) < 0) return SystemFailure(kStep, "setresuid");
  if (setgroups(0, nullptr) < 0 && errno != EPERM) return SystemFailure(kStep, "setgroups");
  return Unit{};
}

}  // namespace berth
