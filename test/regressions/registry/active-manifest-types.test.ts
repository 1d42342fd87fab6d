import { contentOf, putManifest } from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** A manifest of type text/html was served as a page of the registry's own, and a browser ran what it held. */
describe("a manifest whose media type a browser would run", () => {
  let registry: TestRegistry;

  before(async () => {
    registry = await TestRegistry.start();
  });

  after(async () => {
    await registry.stop();
  });

  for (const mediaType of [
    "text/html",
    "TEXT/HTML; charset=utf-8",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/javascript",
  ]) {
    it(`is refused as ${mediaType}, by header and by field`, async () => {
      const page = contentOf(JSON.stringify({ schemaVersion: 2, x: "<script>alert(1)</script>" }));
      await putManifest(registry, "team/app", "page", { ...page, mediaType }, 400);
      const type = mediaType.split(";")[0] ?? "";
      const named = contentOf(JSON.stringify({ schemaVersion: 2, mediaType: type, x: "<script>alert(1)</script>" }));
      await putManifest(registry, "team/app", "page", { ...named, mediaType: type }, 400);
      await putManifest(registry, "team/app", "page", { ...named, mediaType: "" }, 400);
      await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", "/v2/team/app/manifests/page");
    });
  }
});
