import assert from "node:assert/strict";

import { isBerthError } from "../../../../oci/errors.js";
import { FailedLogins } from "../../../../registry/auth/failed-logins.js";
import { retainedMemory } from "../../../helpers/retained-memory.js";

const isRefusal = (error: unknown): boolean => isBerthError(error, "TOO_MANY_REQUESTS");

describe("failed logins", () => {
  const refused = (logins: FailedLogins, account: string, address: string): boolean => {
    try {
      logins.begin(account, address);
      return false;
    } catch (error) {
      assert.ok(isRefusal(error));
      return true;
    }
  };

  it("are forgotten with a success, and after the window", () => {
    const logins = new FailedLogins({ attempts: 2, windowMs: 1_000_000 });
    logins.begin("a", "x");
    logins.begin("a", "x").wasRight();
    logins.begin("a", "x");
    logins.begin("a", "x");
    assert.ok(refused(logins, "a", "x"));
    assert.throws(() => {
      logins.assertOpen("a", "x");
    }, isRefusal);
    logins.assertOpen("a", "y");
    const short = new FailedLogins({ attempts: 1, windowMs: 0 });
    for (let i = 0; i < 30; i++) assert.ok(!refused(short, "a", "x"));
  });

  it("count by network, however an address is written", () => {
    const same = ["2001:db8::1", "2001:db8:0:0:ffff::", "2001:db8::ffff:1.2.3.4", "2001:db8::1%eth0"];
    const logins = new FailedLogins({ attempts: same.length, windowMs: 1_000_000 });
    for (const address of same) assert.ok(!refused(logins, "a", address), address);
    assert.ok(refused(logins, "a", "2001:db8::2"));
    assert.ok(!refused(logins, "a", "2001:db8:0:1::1"));
    assert.ok(!refused(logins, "a", "::1"));
    assert.ok(!refused(logins, "a", "192.0.2.1"));
  });

  it("do not fill the memory", () => {
    const logins = new FailedLogins({ attempts: 5, windowMs: 1_000_000 });
    const before = retainedMemory().heapUsed;
    for (let i = 0; i < 150_000; i++)
      logins.begin("x".repeat(100) + String(i), `10.0.${String(i >> 8)}.${String(i & 255)}`);
    assert.ok(retainedMemory().heapUsed - before < 100 << 20);
    logins.assertOpen("a", "x");
  });
});
