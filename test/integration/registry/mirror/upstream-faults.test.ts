import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { json, sha256 } from "../../../helpers/small-image.js";
import { MediaType } from "../../../../oci/media-types.js";
import { bytesOf } from "../support/content.js";
import type { TestRegistry } from "../support/test-registry.js";
import { mirrorOf, MirrorRig } from "./support/mirror-rig.js";

const TAG = "/v2/up/team/app/manifests/v1";
const STALE = '110 - "Response is Stale"';

describe("a mirror whose upstream misbehaves", () => {
  let rig: MirrorRig;

  afterEach(async () => {
    await rig.stop();
  });

  /** Every request for a manifest is answered so. */
  const always = (status: number, headers: Record<string, string> = {}): void => {
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(status, headers).end();
      return true;
    };
  };

  it("asks twice and no more when it is answered 401 without end, and keeps the challenge to itself", async () => {
    rig = await MirrorRig.start();
    always(401, { "www-authenticate": `Bearer realm="http://${rig.upstream.address}/token",service="x"` });
    const { script } = rig.upstream;
    rig.upstream.script = (request, response) => {
      if (!request.url?.startsWith("/token")) return script(request, response);
      response.writeHead(200).end(JSON.stringify({ token: "t", expires_in: 300 }));
      return true;
    };
    const answer = await rig.mirror.expectError(403, "DENIED", "GET", TAG);
    assert.equal(answer.headers.get("WWW-Authenticate"), null);
    assert.equal(rig.count("GET", "/manifests/v1"), 2);
  });

  it("serves what it knows, marked as stale, while the upstream says 429; the rest gets the 429 with its Retry-After", async () => {
    rig = await MirrorRig.start();
    await rig.mirror.expect(200, "GET", TAG);
    always(429, { "retry-after": "170" });
    const known = await rig.mirror.expect(200, "GET", TAG);
    assert.equal(known.headers.get("Warning"), STALE);
    assert.equal(sha256(await bytesOf(known)), rig.image.manifest);
    const asked = rig.upstream.requests.length;
    // Nor is it asked again before.
    for (const tag of ["v2", "v3"]) {
      const unknown = await rig.mirror.fetch("GET", `/v2/up/team/app/manifests/${tag}`);
      assert.equal(unknown.status, 503);
      assert.equal(Number(unknown.headers.get("Retry-After")) > 100, true);
    }
    assert.equal(rig.upstream.requests.length, asked);
  });

  it("passes on the first 429 with its Retry-After", async () => {
    rig = await MirrorRig.start();
    always(429, { "retry-after": "170" });
    const answer = await rig.mirror.expectError(429, "TOOMANYREQUESTS", "GET", TAG);
    assert.equal(answer.headers.get("Retry-After"), "170");
  });

  it("tries 5xx again, answers 502, and after some failures leaves the upstream alone", async () => {
    rig = await MirrorRig.start();
    await rig.mirror.expect(200, "GET", TAG);
    always(500);
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", "/v2/up/team/app/manifests/other");
    assert.equal((await rig.mirror.expect(200, "GET", TAG)).headers.get("Warning"), STALE);
    assert.equal((await rig.mirror.expect(200, "HEAD", TAG)).headers.get("Warning"), STALE);
    const asked = rig.upstream.requests.length;
    const answer = await rig.mirror.expectError(503, "UNAVAILABLE", "GET", "/v2/up/team/app/manifests/another");
    assert.match(answer.headers.get("Retry-After") ?? "", /^\d+$/);
    assert.equal((await rig.mirror.expect(200, "GET", TAG)).headers.get("Warning"), STALE);
    assert.equal(rig.upstream.requests.length, asked);
  });

  it("does not wait for a slow upstream longer than it was told where it knows the tag", async () => {
    rig = await MirrorRig.start({ upstream: { timeouts: { confirmSeconds: 1 } } });
    await rig.mirror.expect(200, "GET", TAG);
    rig.upstream.script = ({ url = "" }) => url.includes("/manifests/");
    assert.equal((await rig.mirror.expect(200, "GET", TAG)).headers.get("Warning"), STALE);
  });

  it("serves nothing that is staler than it was told", async () => {
    rig = await MirrorRig.start({ upstream: { maxStaleHours: 0 } });
    await rig.mirror.expect(200, "GET", TAG);
    always(500);
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", TAG);
    // What a digest names does not age.
    await rig.mirror.expect(200, "GET", `/v2/up/team/app/manifests/${rig.image.manifest}`);
  });

  it("answers 504 when the upstream hangs before its headers", async () => {
    rig = await MirrorRig.start({ upstream: { timeouts: { answerSeconds: 1 } } });
    rig.upstream.script = ({ url = "" }) => url.includes("/manifests/");
    await rig.mirror.expectError(504, "UNAVAILABLE", "GET", TAG);
  });

  it("forgets a tag that the upstream no longer has", async () => {
    rig = await MirrorRig.start();
    await rig.mirror.expect(200, "GET", TAG);
    always(404);
    await rig.mirror.expectError(404, "MANIFEST_UNKNOWN", "GET", TAG);
    always(500);
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", TAG);
  });

  it("believes for a while that something is not there", async () => {
    rig = await MirrorRig.start({ upstream: { negativeSeconds: 60 } });
    always(404);
    for (let i = 0; i < 3; i++) await rig.mirror.expectError(404, "MANIFEST_UNKNOWN", "GET", TAG);
    assert.equal(rig.count("GET", "/manifests/v1"), 1);
  });

  for (const [what, headers, body] of [
    ["bytes of another digest than it says", { "docker-content-digest": `sha256:${"1".repeat(64)}` }, undefined],
    ["a page of welcome", { "content-type": "text/html" }, "<html></html>"],
    ["JSON that is no manifest", { "content-type": MediaType.ociManifest }, "{}"],
  ] as const) {
    it(`answers 502 for ${what}, and keeps nothing`, async () => {
      rig = await MirrorRig.start();
      rig.upstream.script = ({ url = "" }, response) => {
        if (!url.includes("/manifests/")) return false;
        response.writeHead(200, { "content-type": MediaType.ociManifest, ...headers });
        response.end(body ?? rig.image.blobs.get(rig.image.manifest));
        return true;
      };
      await rig.mirror.expectError(502, "UNAVAILABLE", "GET", TAG);
      assert.deepEqual(rig.mirror.files("data"), []);
    });
  }

  it("answers 502 for other bytes than those of a digest", async () => {
    rig = await MirrorRig.start();
    const other = json({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] });
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(200, { "content-type": MediaType.ociIndex }).end(other);
      return true;
    };
    const path = `/v2/up/team/app/manifests/${rig.image.manifest}`;
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", path);
  });

  it("leaves redirects without end", async () => {
    rig = await MirrorRig.start();
    always(307, { location: "/v2/team/app/manifests/v1" });
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", TAG);
    assert.equal(rig.upstream.requests.length < 20, true);
  });

  it("does not take its credentials to where a blob is redirected to", async () => {
    rig = await MirrorRig.start({ upstream: { username: "me", password: "secret" } });
    const seen: (string | undefined)[] = [];
    const elsewhere = createServer(({ headers }, response) => {
      seen.push(headers.authorization);
      response.end(rig.layerBytes);
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const { port } = elsewhere.address() as AddressInfo;
    const shown: (string | undefined)[] = [];
    rig.upstream.script = ({ url = "", headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="here"' }).end();
        return true;
      }
      if (!url.endsWith(rig.layer)) return false;
      shown.push(headers.authorization);
      response.writeHead(307, { location: `http://127.0.0.1:${String(port)}/blob` }).end();
      return true;
    };
    try {
      assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
      assert.deepEqual(shown, [`Basic ${Buffer.from("me:secret").toString("base64")}`]);
      assert.deepEqual(seen, [undefined]);
    } finally {
      elsewhere.close();
    }
  });

  it("lists the tags that it knows when the upstream cannot be asked", async () => {
    rig = await MirrorRig.start();
    await rig.mirror.expect(200, "GET", TAG);
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.includes("/tags/")) return false;
      response.writeHead(500).end();
      return true;
    };
    const answer = await rig.mirror.expect(200, "GET", "/v2/up/team/app/tags/list");
    assert.equal(answer.headers.get("Warning"), STALE);
    assert.deepEqual(await answer.json(), { name: "up/team/app", tags: ["v1"] });
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", "/v2/up/team/other/tags/list");
  });

  it("does not follow a list's link to another host, and takes no list that is none", async () => {
    rig = await MirrorRig.start();
    const answers = [
      { headers: { link: '<http://169.254.169.254/tags>; rel="next"' }, body: { name: "x", tags: ["v1"] } },
      { headers: {}, body: { name: "x", tags: ["../up"] } },
    ];
    for (const { headers, body } of answers) {
      rig.upstream.script = ({ url = "" }, response) => {
        if (!url.includes("/tags/")) return false;
        response.writeHead(200, headers).end(JSON.stringify(body));
        return true;
      };
      await rig.mirror.expectError(502, "UNAVAILABLE", "GET", "/v2/up/team/app/tags/list");
    }
  });
});

describe("a mirror whose upstream is not there", () => {
  let mirror: TestRegistry;

  before(async () => {
    mirror = await mirrorOf("http://127.0.0.1:9");
  });

  after(async () => {
    await mirror.stop();
  });

  it("answers 502 at once, then 503, for whatever is asked for", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    await mirror.expectError(502, "UNAVAILABLE", "GET", TAG);
    await mirror.expectError(502, "UNAVAILABLE", "GET", `/v2/up/team/app/blobs/${digest}`);
    await mirror.expectError(502, "UNAVAILABLE", "GET", "/v2/up/team/app/tags/list");
    await mirror.expectError(503, "UNAVAILABLE", "GET", `/v2/up/team/app/referrers/${digest}`);
    await mirror.expect(503, "HEAD", `/v2/up/team/app/blobs/${digest}`);
  });
});
