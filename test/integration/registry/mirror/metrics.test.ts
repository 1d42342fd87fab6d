import assert from "node:assert/strict";

import { mirrorSettings, MirrorRig } from "./support/mirror-rig.js";

const TAG = "/v2/up/team/app/manifests/v1";

describe("metrics of a mirror", () => {
  let rig: MirrorRig;

  const start = async (upstream: object = {}): Promise<void> => {
    rig = await MirrorRig.start({ upstream, registry: { metrics: { listen: "127.0.0.1:0" } } });
  };

  afterEach(async () => {
    await rig.stop();
  });

  const series = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(rig.mirror.metricsUrl)).text();
    return new Map(
      [...text.matchAll(/^berth_registry_mirror_(\S+) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)]),
    );
  };
  const requests = (kind: string, result: string): string =>
    `requests_total{upstream="up",kind="${kind}",result="${result}"}`;

  it("tell what was here and what was not, and how many bytes came", async () => {
    await start();
    for (let i = 0; i < 3; i++) await rig.mirror.expect(200, "GET", TAG);
    await rig.mirror.expect(404, "GET", `/v2/up/team/app/blobs/sha256:${"0".repeat(64)}`);
    await (await rig.mirror.expect(200, "GET", rig.layerPath)).arrayBuffer();
    await rig.untilKept();
    for (let i = 0; i < 2; i++) await (await rig.mirror.expect(200, "GET", rig.layerPath)).arrayBuffer();
    const found = await series();
    const manifest = rig.image.blobs.get(rig.image.manifest)?.byteLength;
    assert.deepEqual(
      [
        requests("manifest", "miss"),
        requests("manifest", "hit"),
        requests("blob", "miss"),
        requests("blob", "hit"),
        requests("blob", "absent"),
        requests("blob", "failed"),
        'received_bytes_total{upstream="up",kind="manifest"}',
        'received_bytes_total{upstream="up",kind="blob"}',
        'left_alone{upstream="up"}',
        "evicted_bytes_total",
      ].map((name) => found.get(name)),
      [1, 2, 1, 2, 1, 0, manifest, rig.layerBytes.length, 0, 0],
    );
    assert.ok(!found.has("held_bytes"), "nobody has looked yet");
  });

  it("tell of an upstream's faults by their class, and when it is left alone", async () => {
    await start();
    await rig.mirror.expect(200, "GET", TAG);
    const answers: Record<string, () => number> = {
      error: () => 500,
      refused: () => 403,
      rate_limited: () => 429,
    };
    const fault = (name: string): string =>
      `faults_total{upstream="up",host="${rig.upstream.address}",class="${name}"}`;
    for (const [name, status] of Object.entries(answers)) {
      rig.upstream.script = (_request, response) => {
        response.writeHead(status(), { "Retry-After": "0" }).end();
        return true;
      };
      await rig.mirror.fetch("GET", `/v2/up/team/${name.replace("_", "-")}/manifests/v1`);
      assert.equal((await series()).get(fault(name)), 1, name);
    }
    rig.upstream.script = (_request, response) => {
      response.destroy();
      return true;
    };
    await rig.mirror.fetch("GET", "/v2/up/team/x/manifests/v1");
    assert.ok(((await series()).get(fault("unreachable")) ?? 0) >= 1);
    // Longer than any test takes; a good answer comes before, so that nothing else has made it be left alone.
    rig.upstream.script = () => false;
    await rig.mirror.expect(200, "GET", TAG);
    rig.upstream.script = (_request, response) => {
      response.writeHead(429, { "Retry-After": "300" }).end();
      return true;
    };
    for (let i = 0; i < 2; i++) await rig.mirror.expect(200, "GET", TAG);
    const found = await series();
    assert.deepEqual([found.get('left_alone{upstream="up"}'), found.get(requests("manifest", "stale"))], [1, 2]);
    assert.equal(found.get(fault("left_alone")), 1);
  });

  it("have no more series than upstreams are configured, whatever a client asks for", async () => {
    await start();
    const before = (await series()).size;
    for (let i = 0; i < 20; i++) {
      await rig.mirror.expect(200, "GET", `/v2/up/team/app${String(i)}/manifests/v1`);
      await rig.mirror.expect(404, "GET", `/v2/up/a/manifests/v1?ns=made-up-${String(i)}.example`);
    }
    assert.equal((await series()).size, before);
    await rig.mirror.reload(undefined, { mirrors: mirrorSettings({}) });
    assert.deepEqual(
      [...(await series()).keys()].filter((name) => name.includes("upstream=")),
      [],
    );
  });
});
