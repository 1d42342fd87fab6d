import assert from "node:assert/strict";

import { as, GuardedRegistry } from "../../integration/registry/auth/support/guarded-registry.js";
import { randomContent } from "../../integration/registry/support/content.js";

// Blobs said for how long they may be kept and not by whom: nginx's proxy_cache then gave one caller's to everybody.
describe("a cache in front of a registry with users", () => {
  let guarded: GuardedRegistry;

  before(async () => {
    guarded = await GuardedRegistry.start();
  });

  after(async () => {
    await guarded.stop();
  });

  it("may keep for others what nobody had to log in for, and nothing else", async () => {
    const { digest, bytes } = randomContent(1000);
    const body = new Uint8Array(bytes);
    for (const name of ["secret/app", "public/app"]) {
      const path = `/v2/${name}/blobs/uploads/?digest=${digest}`;
      await guarded.registry.expect(201, "POST", path, { ...as("alice"), body });
    }
    const secret = await guarded.registry.expect(200, "GET", `/v2/secret/app/blobs/${digest}`, as("alice"));
    assert.match(secret.headers.get("Cache-Control") ?? "", /^private,/);
    const open = await guarded.registry.expect(200, "GET", `/v2/public/app/blobs/${digest}`);
    assert.doesNotMatch(open.headers.get("Cache-Control") ?? "", /private/);
  });
});
