import assert from "node:assert/strict";

import { waitUntil } from "../../../helpers/wait-until.js";
import { WebhookReceiver } from "../events/support/webhook-receiver.js";
import { imageIn, putManifest } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

describe("traces", () => {
  it("have a span for each request, below the caller's, and one for each operation of the store below that", async () => {
    const posts: string[] = [];
    const collector = await WebhookReceiver.start((response) => {
      response.setHeader("Content-Type", "application/json");
      response.end("{}");
    });
    const tracing = {
      endpoint: new URL(collector.url).origin,
      serviceName: "test",
      samplePercent: 100,
      callersPerSecond: 1,
    };
    const registry = await TestRegistry.start({ tracing });
    const image = await imageIn(registry, "a");
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    await registry.expect(201, "PUT", "/v2/a/manifests/v1", {
      body: new Uint8Array(image.bytes),
      headers: {
        "Content-Type": image.mediaType,
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        "X-Request-Id": "r-1",
      },
    });
    await registry.fetch("GET", "/v2/a/manifests/none", { headers: { traceparent: "00-not-a-trace" } });
    await putManifest(registry, "a", "v2", image);
    // What was gathered is sent when it ends.
    await registry.stop();
    await waitUntil("they arrive", () => collector.posts.length > 0);
    await collector.stop();
    posts.push(...collector.posts.map(({ body }) => body));
    assert.deepEqual([...new Set(collector.posts.map(({ path }) => path))], ["/v1/traces"]);
    const exports = posts.map((body) => JSON.parse(body) as Export).flatMap(({ resourceSpans }) => resourceSpans);
    assert.deepEqual(exports[0]?.resource.attributes, [{ key: "service.name", value: { stringValue: "test" } }]);
    const spans = exports.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans);

    const mine = spans.filter((span) => span.traceId === traceId);
    const request = mine.find(({ name }) => name === "putManifest") ?? assert.fail("there is no span of the request");
    assert.equal(request.parentSpanId, "b7ad6b7169203331");
    const attributes = Object.fromEntries(request.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
    assert.equal(attributes["berth.request_id"], "r-1");
    assert.equal(Number(attributes["http.response.status_code"]), 201);
    const below = mine.filter(({ parentSpanId }) => parentSpanId === request.spanId).map(({ name }) => name);
    assert.ok(below.includes("store put"), below.join());
    assert.equal(mine.length, below.length + 1);
    const other = spans.find(({ name }) => name === "getManifest");
    assert.equal(other?.parentSpanId, undefined);
  });

  it("are not made because a caller wants them where callers decide nothing", async () => {
    const collector = await WebhookReceiver.start();
    const tracing = { endpoint: new URL(collector.url).origin, samplePercent: 0, callersPerSecond: 0 };
    const registry = await TestRegistry.start({ tracing });
    for (let i = 0; i < 20; i++) {
      const traceId = `${"0".repeat(30)}${String(i + 10)}`;
      await registry.expect(200, "GET", "/v2/", { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
    }
    // What was gathered is sent when it ends.
    await registry.stop();
    await collector.stop();
    assert.deepEqual(collector.posts, []);
  });
});
