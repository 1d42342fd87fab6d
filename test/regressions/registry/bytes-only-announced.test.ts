import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";

import { pushBlob, randomContent } from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** Anybody could make the counter of received bytes so large, by a header, that it counted nothing any more. */
describe("the count of received bytes", () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await TestRegistry.start({ metrics: { listen: "127.0.0.1:0" } });
  });

  afterEach(async () => {
    await registry.stop();
  });

  it("has no byte that was only announced", async () => {
    const { hostname, port } = new URL(registry.url);
    const liar = connect(Number(port), hostname);
    liar.write(`PUT /v2/app/manifests/v1 HTTP/1.1\r\nHost: app\r\nContent-Length: ${String(2 ** 60)}\r\n\r\n`);
    await once(liar, "data");
    liar.destroy();
    await pushBlob(registry, "app", randomContent(1000));
    const metrics = await (await fetch(registry.metricsUrl)).text();
    assert.match(metrics, /^berth_registry_received_bytes_total 1000$/m);
  });
});
