import assert from "node:assert/strict";

import { as, bearer, GuardedRegistry } from "../../integration/registry/auth/support/guarded-registry.js";
import { mirrorOf, mirrorSettings } from "../../integration/registry/mirror/support/mirror-rig.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { smallImage } from "../../helpers/small-image.js";
import { RegistryClient } from "../../../puller/client/index.js";

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

/** The challenge for a namespace that is mirrored named the upstream's prefix, that for another one did not. */
describe("whether a namespace is mirrored", () => {
  const access = [
    { repositories: ["hub/**"], users: ["carol"], actions: ["pull"] },
    { repositories: ["public/**"], anonymous: true, actions: ["pull"] },
    { users: ["alice"], actions: ["pull"] },
  ];
  let upstream: ScriptedRegistry;
  let guarded: GuardedRegistry;

  before(async () => {
    upstream = await new ScriptedRegistry().start();
    upstream.image = await smallImage([[{ name: "hello", content: "hello" }]]);
    const one = { name: "hub", url: `http://${upstream.address}`, namespaces: ["mirrored.example:5000"] };
    guarded = await GuardedRegistry.start({ access }, { mirrors: mirrorSettings({ upstreams: [one] }) });
  });

  after(async () => {
    await guarded.stop();
    await upstream.stop();
  });

  const manifest = (namespace: string, name = "team/app"): string =>
    `/v2/${name}/manifests/v1?ns=${encodeURIComponent(namespace)}`;

  const scopeIn = (answer: Response): string =>
    /scope="([^"]*)"/.exec(answer.headers.get("WWW-Authenticate") ?? "")?.[1] ?? assert.fail("no scope");

  it("is told neither to who is unknown nor to who may not pull it", async () => {
    const { registry } = guarded;
    for (const [method, name, init] of [
      ["GET", "team/app", {}],
      ["HEAD", "team/app", {}],
      ["GET", "public/app", {}],
      ["GET", "public/app", as("bob")],
      ["GET", `a${"/a".repeat(126)}`, {}],
      ["GET", "team/app", bearer(await guarded.token("bob"))],
    ] as const) {
      const answers: string[] = [];
      for (const namespace of ["mirrored.example:5000", "other.example:5000"]) {
        const answer = await registry.fetch(method, manifest(namespace, name), init);
        const headers = [...answer.headers].filter(([header]) => !/^(?:date|x-request-id)$/.test(header));
        const whole = JSON.stringify([answer.status, headers, await answer.text()]);
        answers.push(whole.replaceAll(namespace, "NAMESPACE").replace(registry.url, "URL"));
      }
      assert.equal(answers[0], answers[1]);
      assert.match(answers[0] ?? "", /^\[40[13],/);
    }
  });

  it("does not keep a token for the scope of the challenge from being worth what its owner may", async () => {
    const { registry } = guarded;
    const asked = await registry.expect(401, "GET", manifest("mirrored.example:5000"));
    const scope = scopeIn(asked);
    assert.equal(scope, "repository:ns=mirrored.example:5000/team/app:pull");
    await registry.expect(200, "GET", manifest("mirrored.example:5000"), bearer(await guarded.token("carol", scope)));
    const local = await guarded.token("carol", "repository:hub/team/app:pull");
    await registry.expect(200, "GET", manifest("mirrored.example:5000"), bearer(local));
    const own = await guarded.token("alice", "repository:team/app:pull");
    const refused = await registry.expect(401, "GET", manifest("mirrored.example:5000"), bearer(own));
    assert.equal(scopeIn(refused), scope);
    await registry.expect(403, "GET", manifest("mirrored.example:5000"), bearer(await guarded.token("bob", scope)));
    const other = scopeIn(await registry.expect(401, "GET", manifest("other.example")));
    const path = manifest("other.example");
    await registry.expectError(404, "NAME_UNKNOWN", "GET", path, bearer(await guarded.token("alice", other)));
    await registry.expect(403, "GET", path, bearer(await guarded.token("carol", other)));
  });

  it("does not come into the challenge as anything but letters of a host", async () => {
    const answer = await guarded.registry.expect(401, "GET", manifest('x",error="y z\u00e9'));
    assert.equal(scopeIn(answer), "repository:ns=x--error--y-z-/team/app:pull");
  });

  it("does not matter to berth's own client, which asks for what it is told", async () => {
    const { host } = new URL(guarded.registry.url);
    const client = new RegistryClient({
      registry: host,
      endpoint: `http://${host}/v2`,
      namespace: "mirrored.example:5000",
      credentials: { username: "carol", password: "carol-password" },
    });
    try {
      const { digest } = await client.getManifest("team/app", "v1");
      assert.equal(digest, upstream.image?.manifest);
      const layer = upstream.image?.layers[0]?.digest ?? assert.fail();
      const size = upstream.image?.blobs.get(layer)?.byteLength;
      assert.equal(await client.statBlob("team/app", layer), size);
    } finally {
      await client.close();
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
