import assert from "node:assert/strict";

import { TestRegistry } from "../support/test-registry.js";

describe("rate limits", () => {
  let registry: TestRegistry;

  afterEach(async () => {
    await registry.stop();
  });

  it("answer 429 with Retry-After to an address that asks too often, and let probes by", async () => {
    registry = await TestRegistry.start({ rate: { perAddress: { requestsPerSecond: 0.001, burst: 2 } } });
    await registry.expect(200, "GET", "/v2/");
    await registry.expect(404, "GET", "/v2/a/tags/list");
    const refused = await registry.expectError(429, "TOOMANYREQUESTS", "GET", "/v2/");
    const seconds = Number(refused.headers.get("Retry-After"));
    assert.ok(seconds >= 1 && seconds <= 1000, String(seconds));
    await registry.expect(200, "GET", "/readyz");
    await registry.reload(undefined, {});
    await registry.expect(200, "GET", "/v2/");
  });

  it("tell clients behind a believed proxy apart, by what that proxy has added alone", async () => {
    registry = await TestRegistry.start({
      trustForwarded: true,
      rate: { perAddress: { requestsPerSecond: 0.001, burst: 1 } },
    });
    const from = (forwarded: string): RequestInit => ({ headers: { "X-Forwarded-For": forwarded } });
    await registry.expect(200, "GET", "/v2/", from("192.0.2.1"));
    await registry.expect(200, "GET", "/v2/", from("192.0.2.2"));
    await registry.expect(429, "GET", "/v2/", from("192.0.2.1"));
    await registry.expect(429, "GET", "/v2/", from("198.51.100.7, 192.0.2.1"));
    await registry.expect(200, "GET", "/v2/", from("2001:db8::1"));
    await registry.expect(429, "GET", "/v2/", from("2001:db8:0:0:ffff::2"));
    await registry.expect(200, "GET", "/v2/", from("2001:db8:0:1::1"));
  });
});
