import assert from "node:assert/strict";

import { BerthError } from "../../../oci/errors.js";
import { FailedLogins } from "../../../registry/auth/failed-logins.js";

/**
 * Refused attempts made counters of their own, and enough of them pushed out the counters that refused them: the limit held
 * only until some ten thousand cheap requests later.
 */
describe("limits of failed logins under a flood of refused attempts", () => {
  const isRefused = (logins: FailedLogins, account: string, address: string): boolean => {
    try {
      logins.begin(account, address);
      return false;
    } catch (error) {
      assert.ok(error instanceof BerthError && error.code === "TOO_MANY_REQUESTS");
      return true;
    }
  };

  it("still hold for an address and its accounts after more made-up names than there are counters", () => {
    const logins = new FailedLogins({ attempts: 3, windowMs: 300_000 });
    for (let i = 0; i < 3; i++) logins.begin("alice", "192.0.2.1");
    for (let i = 0; i < 27; i++) logins.begin(`user${String(i)}`, "192.0.2.1");
    for (let i = 0; i < 120_000; i++) assert.ok(isRefused(logins, `made-up-${String(i)}`, "192.0.2.1"));
    assert.ok(isRefused(logins, "alice", "192.0.2.1"));
    assert.ok(isRefused(logins, "bob", "192.0.2.1"));
    assert.ok(!isRefused(logins, "alice", "192.0.2.2"));
  });
});
