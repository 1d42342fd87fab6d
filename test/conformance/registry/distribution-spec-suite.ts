import assert from "node:assert/strict";

import { digestOf } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import type { RegistryOptions } from "../../../registry/index.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";
import { blobSuite } from "./blob-suite.js";
import { clientSuite } from "./client-suite.js";
import { contentSuite } from "./content-suite.js";
import { manifestSuite } from "./manifest-suite.js";
import { uploadSuite } from "./upload-suite.js";

/**
 * What the OCI distribution-spec (v1.1 and the additions of its main branch) asks of a registry, and what real clients ask
 * beyond it, on whichever store `start` gives it. Each part starts a registry of its own and stops it.
 */
export function distributionSpecSuite(start: (options?: Partial<RegistryOptions>) => Promise<TestRegistry>): void {
  describe("when it is new", () => {
    it("answers the ping, with and without the slash, and has empty lists", async () => {
      const registry = await start();
      try {
        for (const path of ["/v2/", "/v2"]) {
          const answer = await registry.expect(200, "GET", path, { redirect: "error" });
          assert.equal(answer.headers.get("Docker-Distribution-Api-Version"), "registry/2.0");
          await registry.expect(200, "HEAD", path);
        }
        const catalog = await registry.expect(200, "GET", "/v2/_catalog");
        assert.equal(await catalog.text(), '{"repositories":[]}');
        await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/conformance/repo1/tags/list");
        const digest = digestOf("nobody's subject");
        const referrers = await registry.expect(200, "GET", `/v2/conformance/repo1/referrers/${digest}`);
        assert.equal(referrers.headers.get("Content-Type"), MediaType.ociIndex);
        assert.deepEqual(await referrers.json(), { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] });
      } finally {
        await registry.stop();
      }
    });
  });
  describe("uploads under sha256", () => {
    uploadSuite(start, "sha256");
  });
  describe("uploads under sha512", () => {
    uploadSuite(start, "sha512");
  });
  describe("blobs", () => {
    blobSuite(start);
  });
  describe("content", () => {
    contentSuite(start);
  });
  describe("manifests", () => {
    manifestSuite(start);
  });
  describe("clients", () => {
    clientSuite(start);
  });
}
