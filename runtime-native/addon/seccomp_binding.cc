#include <napi.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon/failure_to_js.h"
#include "addon/registrations.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace berth {

namespace {

constexpr const char* kStep = "compile the seccomp profile";

struct Rule {
  std::vector<std::string> names;
  uint32_t action;
  std::vector<scmp_arg_cmp> arguments;
};

struct Profile {
  uint32_t default_action;
  std::vector<uint32_t> architectures;
  std::vector<Rule> rules;
};

Failure SeccompFailure(const char* call, int negative_errno, const std::string& subject = "") {
  return SystemFailure(kStep, call, subject, -negative_errno);
}

Failure Invalid(const std::string& message) { return RuleFailure("INVALID_PLAN", "seccomp profile: " + message); }

std::optional<scmp_compare> ComparisonOf(const std::string& name) {
  static constexpr std::pair<const char*, scmp_compare> kComparisons[] = {{"eq", SCMP_CMP_EQ},
                                                                          {"ne", SCMP_CMP_NE},
                                                                          {"lt", SCMP_CMP_LT},
                                                                          {"le", SCMP_CMP_LE},
                                                                          {"gt", SCMP_CMP_GT},
                                                                          {"ge", SCMP_CMP_GE},
                                                                          {"masked_eq", SCMP_CMP_MASKED_EQ}};
  for (auto [known, comparison] : kComparisons)
    if (name == known) return comparison;
  return std::nullopt;
}

std::optional<uint32_t> ArchitectureOf(const std::string& name) {
  static constexpr std::pair<const char*, uint32_t> kArchitectures[] = {{"x86_64", SCMP_ARCH_X86_64},
                                                                        {"x86", SCMP_ARCH_X86},
                                                                        {"x32", SCMP_ARCH_X32},
                                                                        {"aarch64", SCMP_ARCH_AARCH64},
                                                                        {"arm", SCMP_ARCH_ARM}};
  for (auto [known, architecture] : kArchitectures)
    if (name == known) return architecture;
  return std::nullopt;
}

uint64_t BigIntOf(const Napi::Value& value) {
  bool lossless;
  return value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
}

Result<uint32_t> ActionOf(const Napi::Object& rule) {
  std::string action = rule.Get("action").ToString();
  if (action == "allow") return static_cast<uint32_t>(SCMP_ACT_ALLOW);
  if (action == "kill") return static_cast<uint32_t>(SCMP_ACT_KILL_PROCESS);
  Napi::Value number = rule.Get("errno");
  if (action == "errno")
    return static_cast<uint32_t>(SCMP_ACT_ERRNO(number.IsNumber() ? number.As<Napi::Number>().Uint32Value() : EPERM));
  return Invalid("no action " + action);
}

Result<Rule> ReadRule(const Napi::Object& object) {
  Rule rule;
  auto action = ActionOf(object);
  if (!action.ok()) return action.failure();
  rule.action = action.value();
  auto names = object.Get("names").As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); i++) rule.names.push_back(names.Get(i).ToString());
  auto arguments = object.Get("args").As<Napi::Array>();
  for (uint32_t i = 0; i < arguments.Length(); i++) {
    auto argument = arguments.Get(i).As<Napi::Object>();
    std::string op = argument.Get("op").ToString();
    auto comparison = ComparisonOf(op);
    uint32_t index = argument.Get("index").ToNumber().Uint32Value();
    if (!comparison || index > 5) return Invalid("no comparison " + op + " of argument " + std::to_string(index));
    uint64_t value = BigIntOf(argument.Get("value"));
    uint64_t second = BigIntOf(argument.Get("valueTwo"));
    rule.arguments.push_back({index, *comparison, value, second});
  }
  return rule;
}

Result<Profile> ReadProfile(const Napi::Object& object) {
  Profile profile;
  profile.default_action = SCMP_ACT_ERRNO(object.Get("defaultErrno").ToNumber().Uint32Value());
  auto architectures = object.Get("architectures").As<Napi::Array>();
  for (uint32_t i = 0; i < architectures.Length(); i++) {
    std::string name = architectures.Get(i).ToString();
    auto architecture = ArchitectureOf(name);
    if (!architecture) return Invalid("no architecture " + name);
    profile.architectures.push_back(*architecture);
  }
  auto rules = object.Get("rules").As<Napi::Array>();
  for (uint32_t i = 0; i < rules.Length(); i++) {
    auto rule = ReadRule(rules.Get(i).As<Napi::Object>());
    if (!rule.ok()) return rule.failure();
    profile.rules.push_back(std::move(rule.value()));
  }
  return profile;
}

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

Result<> AddRule(const Filter& filter, const Rule& rule, uint32_t default_action) {
  // The same as what happens anyway: libseccomp refuses it.
  if (rule.action == default_action) return Unit{};
  for (const std::string& name : rule.names) {
    int number = seccomp_syscall_resolve_name(name.c_str());
    // Newer than this libseccomp: the default action meets it.
    if (number == __NR_SCMP_ERROR) continue;
    int added = seccomp_rule_add_array(filter.get(), rule.action, number, static_cast<unsigned>(rule.arguments.size()),
                                       rule.arguments.data());
    if (added < 0) return SeccompFailure("seccomp_rule_add", added, name);
  }
  return Unit{};
}

Result<std::string> ReadAll(int fd) {
  std::string bytes(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  if (pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return SystemFailure(kStep, "pread");
  return bytes;
}

Result<std::string> Compile(const Profile& profile) {
  Filter filter(seccomp_init(profile.default_action));
  if (!filter) return Invalid("libseccomp cannot begin a filter");
  uint32_t native = seccomp_arch_native();
  bool wants_native = profile.architectures.empty();
  for (uint32_t architecture : profile.architectures) {
    if (architecture == native) wants_native = true;
    int added = seccomp_arch_add(filter.get(), architecture);
    if (added < 0 && added != -EEXIST) return SeccompFailure("seccomp_arch_add", added);
  }
  if (!wants_native) seccomp_arch_remove(filter.get(), native);
  // The engine decides about no_new_privs; and a binary tree makes the filter's cost grow with the logarithm of its
  // rules.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const Rule& rule : profile.rules) {
    auto added = AddRule(filter, rule, profile.default_action);
    if (!added.ok()) return added.failure();
  }
  UniqueFd file(memfd_create("berth-seccomp", MFD_CLOEXEC));
  if (!file) return SystemFailure(kStep, "memfd_create");
  int exported = seccomp_export_bpf(filter.get(), file.get());
  if (exported < 0) return SeccompFailure("seccomp_export_bpf", exported);
  return ReadAll(file.get());
}

Napi::Value CompileSeccomp(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto profile = ReadProfile(info[0].As<Napi::Object>());
  if (!profile.ok()) throw FailureToJs(env, profile.failure());
  auto program = Compile(profile.value());
  if (!program.ok()) throw FailureToJs(env, program.failure());
  auto bytes = Napi::Uint8Array::New(env, program.value().size());
  memcpy(bytes.Data(), program.value().data(), program.value().size());
  return bytes;
}

}  // namespace

void RegisterSeccomp(Napi::Env env, Napi::Object exports) {
  exports.Set("compileSeccomp", Napi::Function::New(env, CompileSeccomp));
}

}  // namespace berth
