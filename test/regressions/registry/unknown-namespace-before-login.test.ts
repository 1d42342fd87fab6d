import assert from "node:assert/strict";

import { as, GuardedRegistry } from "../../integration/registry/auth/support/guarded-registry.js";
import { mirrorOf, mirrorSettings } from "../../integration/registry/mirror/support/mirror-rig.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";

/** The mirror's guard, which runs first, answered 404 to anybody for a namespace that is not mirrored. */
describe("a namespace that is not mirrored", () => {
  it("is told to those alone who may ask", async () => {
    const upstream = { name: "up", url: "http://127.0.0.1:9", namespaces: ["docker.io"] };
    const guarded = await GuardedRegistry.start({}, { mirrors: mirrorSettings({ upstreams: [upstream] }) });
    try {
      const { registry } = guarded;
      const tooLong = `a${"/a".repeat(126)}`;
      for (const [method, path] of [
        ["GET", "/v2/library/app/manifests/v1?ns=quay.io"],
        ["GET", "/v2/library/app/manifests/v1?ns=docker.io"],
        ["GET", `/v2/${tooLong}/manifests/v1?ns=docker.io`],
        ["GET", `/v2/${tooLong}/manifests/v1?ns=quay.io`],
        ["HEAD", "/v2/library/app/manifests/v1?ns=quay.io"],
        ["GET", "/v2/library/app/tags/list?ns=quay.io"],
        ["POST", "/v2/library/app/blobs/uploads/?ns=quay.io"],
      ] as const) {
        await registry.expect(401, method, path);
        await registry.expect(403, method, path, as("bob"));
      }
      await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/app/manifests/v1?ns=quay.io", as("alice"));
      await registry.expectError(404, "NAME_UNKNOWN", "POST", "/v2/app/blobs/uploads/?ns=quay.io", as("alice"));
      await registry.expectError(400, "NAME_INVALID", "GET", `/v2/${tooLong}/tags/list?ns=docker.io`, as("alice"));
    } finally {
      await guarded.stop();
    }
  });
});

/** The Link to a list's next page had lost `ns`, and so led to another repository of the same name. */
describe("the next page of a mirrored repository's tags", () => {
  it("is of the namespace that was asked for", async () => {
    const upstream = await new ScriptedRegistry().start();
    upstream.script = (request, response) => {
      if (request.url?.startsWith("/v2/library/app/tags/list") !== true) return false;
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ name: "x", tags: ["a", "b", "c"] }));
      return true;
    };
    const mirror = await mirrorOf(`http://${upstream.address}`, { namespaces: ["docker.io"] });
    try {
      const first = await mirror.expect(200, "GET", "/v2/app/tags/list?ns=docker.io&n=2");
      const [, next = ""] = /^<(.*)>; rel="next"$/.exec(first.headers.get("Link") ?? "") ?? [];
      const second = await mirror.expect(200, "GET", next);
      assert.deepEqual(((await second.json()) as { tags: string[] }).tags, ["c"]);
    } finally {
      await mirror.stop();
      await upstream.stop();
    }
  });
});
