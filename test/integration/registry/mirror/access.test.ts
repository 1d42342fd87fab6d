import assert from "node:assert/strict";

import { ScriptedRegistry } from "../../../helpers/scripted-registry.js";
import { smallImage } from "../../../helpers/small-image.js";
import { as, GuardedRegistry } from "../auth/support/guarded-registry.js";
import { mirrorSettings } from "./support/mirror-rig.js";

const ACCESS = [
  { repositories: ["team/**"], users: ["bob"], actions: ["pull", "push"] },
  { repositories: ["up/**"], users: ["carol"], actions: ["pull", "push"] },
];

describe("access to mirrored repositories", () => {
  let upstream: ScriptedRegistry;
  let guarded: GuardedRegistry;

  before(async () => {
    upstream = await new ScriptedRegistry().start();
    upstream.image = await smallImage([[{ name: "hello", content: "hello" }]]);
    const one = { name: "up", url: `http://${upstream.address}`, namespaces: ["docker.io"], default: true };
    guarded = await GuardedRegistry.start({ access: ACCESS }, { mirrors: mirrorSettings({ upstreams: [one] }) });
  });

  after(async () => {
    await guarded.stop();
    await upstream.stop();
  });

  for (const [user, path, status] of [
    ["bob", "/v2/team/app/manifests/v1", 200],
    ["bob", "/v2/up/team/app/manifests/v1", 403],
    // The name of the path is one that bob may pull; what the namespace makes of it is not.
    ["bob", "/v2/team/app/manifests/v1?ns=docker.io", 403],
    ["carol", "/v2/up/team/app/manifests/v1", 200],
    ["carol", "/v2/team/app/manifests/v1?ns=docker.io", 200],
    ["carol", "/v2/team/app/manifests/v1", 403],
  ] as const) {
    it(`answers ${String(status)} to ${user} for ${path}`, async () => {
      upstream.requests.length = 0;
      const answer = await guarded.registry.expect(status, "GET", path, as(user));
      const namespace = status === 200 && path.includes("ns=") ? "docker.io" : null;
      assert.equal(answer.headers.get("OCI-Namespace"), namespace);
      if (status === 403) assert.deepEqual(upstream.requests, []);
    });
  }

  it("asks no upstream for those who have not said who they are", async () => {
    upstream.requests.length = 0;
    await guarded.registry.expect(401, "GET", "/v2/up/team/app/manifests/v1");
    assert.deepEqual(upstream.requests, []);
  });

  it("lets nobody write to a copy, whatever the rules allow", async () => {
    await guarded.registry.expectError(405, "UNSUPPORTED", "POST", "/v2/up/team/app/blobs/uploads/", as("carol"));
    await guarded.registry.expectError(405, "UNSUPPORTED", "POST", "/v2/team/app/blobs/uploads/", as("bob"));
  });
});
