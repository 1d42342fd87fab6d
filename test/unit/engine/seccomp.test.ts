import assert from "node:assert/strict";

import { defaultSeccompPlan } from "../../../engine/seccomp/default-profile.js";

const allowed = (capabilities: readonly string[]): Set<string> => {
  const plan = defaultSeccompPlan(capabilities, "x64");
  return new Set(
    plan.rules.filter(({ action, args }) => action === "allow" && args.length === 0).flatMap((rule) => rule.names),
  );
};

describe("default seccomp profile", () => {
  it("refuses what changes the host, and the kernel's keyring", () => {
    const names = allowed([]);
    const refused = `add_key keyctl request_key mount umount2 unshare setns reboot swapon kexec_load init_module bpf
      perf_event_open userfaultfd io_uring_setup open_by_handle_at settimeofday pivot_root chroot`.split(/\s+/);
    assert.deepEqual(
      refused.filter((name) => names.has(name)),
      [],
    );
  });

  it("allows what a capability stands for", () => {
    assert.ok(allowed(["CAP_SYS_CHROOT"]).has("chroot"));
    assert.ok(allowed(["CAP_SYS_ADMIN"]).has("mount"));
    assert.ok(allowed(["CAP_SYS_TIME"]).has("clock_settime"));
    assert.ok(!allowed(["CAP_SYS_TIME"]).has("mount"));
  });

  it("clone3 is ENOSYS so that C libraries fall back to clone, whose flags can be looked at", () => {
    const { rules } = defaultSeccompPlan([], "x64");
    assert.deepEqual(
      rules.find(({ names }) => names.includes("clone3")),
      { names: ["clone3"], action: "errno", errno: 38, args: [] },
    );
    const clone = rules.find(({ names }) => names.includes("clone"));
    assert.deepEqual(clone?.args, [{ index: 0, op: "masked_eq", value: 0x7e020000n, valueTwo: 0n }]);
    assert.ok(allowed(["CAP_SYS_ADMIN"]).has("clone3"));
  });

  it("sockets of AF_ALG and AF_VSOCK are refused, whatever is in the upper half of the argument", () => {
    const rules = defaultSeccompPlan([], "x64").rules.filter(({ names }) => names.includes("socket"));
    const admits = (domain: bigint): boolean =>
      rules.some(({ args }) => args.every(({ value, valueTwo }) => (domain & value) === valueTwo));
    for (const domain of [1n, 2n, 10n, 16n, 17n]) assert.ok(admits(domain), String(domain));
    for (const domain of [38n, 40n, 38n + (1n << 32n), 40n + (7n << 32n)]) assert.ok(!admits(domain), String(domain));
  });
});
