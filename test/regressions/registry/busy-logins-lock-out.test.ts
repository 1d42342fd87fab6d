import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { BerthError } from "../../../oci/errors.js";
import { BcryptQueue } from "../../../registry/auth/bcrypt-queue.js";
import { FailedLogins } from "../../../registry/auth/failed-logins.js";
import { PasswordCheck } from "../../../registry/auth/password-check.js";
import { UserDirectory } from "../../../registry/auth/user-directory.js";
import { HTPASSWD } from "../../integration/registry/auth/support/guarded-registry.js";

/**
 * "Too many logins at once: try again" counted as a wrong password: whoever did try again during somebody else's flood was
 * locked out after it, with the right password.
 */
describe("a login that is sent away because there are too many at once", () => {
  it("does not count as a failed one", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-logins-"));
    try {
      writeFileSync(join(directory, "htpasswd"), HTPASSWD);
      const users = await UserDirectory.open(join(directory, "htpasswd"), pino({ level: "silent" }));
      const failures = new FailedLogins({ attempts: 1, windowMs: 300_000 });
      const passwords = new PasswordCheck(users, { failures, queue: new BcryptQueue() });
      const flood = Array.from({ length: 300 }, async (_, i) => {
        return await passwords
          .verify("bob", `wrong${String(i)}`, `10.0.${String(i >> 8)}.${String(i & 255)}`)
          .catch(() => undefined);
      });
      await assert.rejects(
        passwords.verify("alice", "alice-password", "192.0.2.1"),
        (error) => error instanceof BerthError && error.message.startsWith("too many logins at once"),
      );
      assert.ok((await Promise.all(flood)).every((identity) => identity === undefined));
      assert.equal((await passwords.verify("alice", "alice-password", "192.0.2.1"))?.user, "alice");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
