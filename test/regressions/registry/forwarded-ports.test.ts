import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** Behind a proxy that appends the port as well, all clients had the proxy's address, and one limit. */
describe("X-Forwarded-For with ports", () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    const perAddress = { requestsPerSecond: 0.001, burst: 1 };
    registry = await TestRegistry.start({ trustForwarded: true, rate: { perAddress } });
  });

  afterEach(async () => {
    await registry.stop();
  });

  it("tells clients apart by their addresses alone", async () => {
    const ask = async (status: number, client: string): Promise<void> => {
      await registry.expect(status, "GET", "/v2/", { headers: { "X-Forwarded-For": client } });
    };
    await ask(200, "192.0.2.1:4711");
    await ask(200, "192.0.2.2:4711");
    await ask(429, "192.0.2.1:4712");
    await ask(200, "[2001:db8:0:1::1]:4711");
    await ask(200, "[2001:db8:0:2::1]:4711");
    await ask(429, "2001:db8:0:1::2");
  });
});
