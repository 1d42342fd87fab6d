import { MediaType } from "../../../oci/media-types.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** One reader of the manifest skipped the mark, and the next one failed on it: the answer was 500. */
describe("a manifest that begins with a byte order mark", () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await TestRegistry.start();
  });

  afterEach(async () => {
    await registry.stop();
  });

  for (const mediaType of [MediaType.ociIndex, "application/vnd.example+json"]) {
    it(`is none (${mediaType})`, async () => {
      const body = `\ufeff${JSON.stringify({ schemaVersion: 2, manifests: [] })}`;
      const headers = { "Content-Type": mediaType };
      await registry.expectError(400, "MANIFEST_INVALID", "PUT", "/v2/app/manifests/v1", { body, headers });
    });
  }
});
