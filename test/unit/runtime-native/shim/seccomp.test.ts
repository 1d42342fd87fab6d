import assert from "node:assert/strict";

import { compileSeccomp, type SeccompPlan } from "../../../../runtime-native/index.js";

const plan = (change: Partial<SeccompPlan> = {}): SeccompPlan => ({
  defaultErrno: 1,
  architectures: [],
  rules: [{ names: ["read", "write", "exit_group"], action: "allow", args: [] }],
  ...change,
});

describe("compileSeccomp", () => {
  it("returns a program of whole instructions, the same for the same profile", () => {
    const program = compileSeccomp(plan());
    assert.ok(program.length > 0);
    assert.equal(program.length % 8, 0);
    assert.deepEqual(compileSeccomp(plan()), program);
  });

  it("knows rules with arguments and masks, and errno values", () => {
    const rules: SeccompPlan["rules"] = [
      ...plan().rules,
      { names: ["clone"], action: "allow", args: [{ index: 0, op: "masked_eq", value: 0x7e020000n, valueTwo: 0n }] },
      { names: ["socket"], action: "errno", errno: 97, args: [{ index: 0, op: "eq", value: 38n }] },
      { names: ["reboot"], action: "kill", args: [] },
    ];
    assert.ok(compileSeccomp(plan({ rules })).length > compileSeccomp(plan()).length);
  });

  it("passes over system calls that nobody knows", () => {
    const rules: SeccompPlan["rules"] = [
      { names: ["read", "write", "exit_group", "no_such_call"], action: "allow", args: [] },
    ];
    assert.deepEqual(compileSeccomp(plan({ rules })), compileSeccomp(plan()));
  });

  it("refuses an argument that no system call has", () => {
    const rules: SeccompPlan["rules"] = [
      { names: ["read"], action: "allow", args: [{ index: 6, op: "eq", value: 0n }] },
    ];
    assert.throws(() => compileSeccomp(plan({ rules })), { code: "INVALID_PLAN" });
  });
});
