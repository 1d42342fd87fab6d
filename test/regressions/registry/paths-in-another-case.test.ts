import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** The router took `/V2/_CATALOG` for `/v2/_catalog`: a rule of a proxy in front of the registry did not hold for it. */
describe("a path in another case", () => {
  it("is another path", async () => {
    const registry = await TestRegistry.start();
    try {
      for (const path of ["/V2/", "/V2/_catalog", "/v2/_CATALOG", "/v2/team/app/Manifests/v1", "/LIVEZ"]) {
        await registry.expectError(404, "NAME_UNKNOWN", "GET", path);
      }
    } finally {
      await registry.stop();
    }
  });
});
