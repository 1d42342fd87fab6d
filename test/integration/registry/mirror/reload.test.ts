import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { ScriptedRegistry } from "../../../helpers/scripted-registry.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { TestRegistry } from "../support/test-registry.js";
import { mirrorSettings, MirrorRig } from "./support/mirror-rig.js";

const TAG = "/v2/up/team/app/manifests/v1";

describe("mirrors that change while the registry runs", () => {
  let rig: MirrorRig;

  afterEach(async () => {
    await rig.stop();
  });

  const upstreamAt = (address: string, more: object = {}): object => {
    return { name: "up", url: `http://${address}`, tagFreshSeconds: 0, negativeSeconds: 0, ...more };
  };

  it("come and go", async () => {
    rig = await MirrorRig.start();
    const registry = await TestRegistry.start();
    try {
      await registry.expect(404, "GET", TAG);
      const mirrors = mirrorSettings({ upstreams: [upstreamAt(rig.upstream.address)] });
      await registry.reload(undefined, { mirrors });
      await registry.expect(200, "GET", TAG);
      // Not a word of mirrors: they stay.
      await registry.reload(undefined, {});
      await registry.expect(200, "GET", TAG);
      await registry.expect(405, "POST", "/v2/up/team/app/blobs/uploads/");
      await registry.reload(undefined, { mirrors: mirrorSettings({}) });
      await registry.expect(404, "GET", TAG);
      await registry.expect(202, "POST", "/v2/up/team/app/blobs/uploads/");
    } finally {
      await registry.stop();
    }
  });

  it("ask another upstream for the next image, and go on with what comes from the one before", async () => {
    const layer = randomBytes(300_000);
    rig = await MirrorRig.start({ layer });
    const other = await new ScriptedRegistry().start();
    try {
      other.image = rig.image;
      let goOn: () => void = () => undefined;
      rig.upstream.script = (request, response) => {
        if (!(request.url ?? "").includes(rig.layer)) return false;
        const all = rig.layerBytes;
        response.writeHead(200, { "Content-Length": String(all.length) });
        response.write(all.subarray(0, 100_000));
        goOn = () => response.end(all.subarray(100_000));
        return true;
      };
      const pulling = rig.mirror.expect(200, "GET", rig.layerPath);
      const body = (await pulling).arrayBuffer();
      await waitUntil("it comes", () => rig.count("GET", rig.layer) === 1);
      await rig.mirror.reload(undefined, { mirrors: mirrorSettings({ upstreams: [upstreamAt(other.address)] }) });
      await rig.mirror.expect(200, "GET", TAG);
      assert.deepEqual([rig.count("GET", "manifests"), rig.count("HEAD", "manifests")], [0, 0]);
      assert.ok(other.requests.some((line) => line.includes("manifests/v1")));
      goOn();
      assert.deepEqual(Buffer.from(await body), rig.layerBytes);
      assert.equal(rig.count("GET", rig.layer), 1);
    } finally {
      await other.stop();
    }
  });

  it("know what they knew of the health of an upstream whose settings are the same", async () => {
    rig = await MirrorRig.start({ registry: { metrics: { listen: "127.0.0.1:0" } } });
    rig.upstream.script = (_request, response) => {
      // Longer than any test takes.
      response.writeHead(429, { "Retry-After": "300" }).end();
      return true;
    };
    await rig.mirror.expect(429, "GET", TAG);
    const same = mirrorSettings({ upstreams: [upstreamAt(rig.upstream.address)], local: ["own/*"] });
    await rig.mirror.reload(undefined, { mirrors: same });
    const asked = rig.upstream.requests.length;
    await rig.mirror.expect(503, "GET", TAG);
    assert.equal(rig.upstream.requests.length, asked);
    // Others, and the upstream gets another chance.
    rig.upstream.script = () => false;
    const changed = mirrorSettings({ upstreams: [upstreamAt(rig.upstream.address, { negativeSeconds: 1 })] });
    await rig.mirror.reload(undefined, { mirrors: changed });
    await rig.mirror.expect(200, "GET", TAG);
  });

  it("stay as they are where anything of the new configuration is wrong, and so does everything else", async () => {
    rig = await MirrorRig.start();
    const wrong = upstreamAt(rig.upstream.address, { username: "a", passwordFile: "/nowhere/at/all" });
    const policies = [{ repositories: ["**"], immutableTags: ["v*"] }];
    await assert.rejects(rig.mirror.reload(undefined, { mirrors: mirrorSettings({ upstreams: [wrong] }), policies }), {
      code: "CONFIG_INVALID",
    });
    await rig.mirror.expect(200, "GET", TAG);
  });
});
