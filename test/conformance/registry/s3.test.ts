import process from "node:process";

import type { RegistryOptions } from "../../../registry/index.js";
import { openStore } from "../../../storage/open-store.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";
import { describeWith } from "../../helpers/capabilities.js";
import { S3_SERVER, s3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { contentSuite } from "./content-suite.js";
import { distributionSpecSuite } from "./distribution-spec-suite.js";
import { uploadSuite } from "./upload-suite.js";

describeWith(S3_SERVER, "distribution-spec on S3", () => {
  const stores: ObjectStore[] = [];

  before(async () => {
    await s3Place();
  });

  after(async () => {
    for (const store of stores) await store.close();
  });

  const start = async (options: Partial<RegistryOptions> = {}): Promise<TestRegistry> => {
    const store = await openStore({ s3: await s3Place() });
    stores.push(store);
    // Blobs through the registry: what the bucket answers is not the registry's to promise.
    return await TestRegistry.start({ store, redirect: false, ...options });
  };

  // All of it takes minutes on a server of requests that take tens of milliseconds. What of it depends on the store at all is
  // how bytes come in and how registers, tags, links and referrers are kept.
  if (process.env["S3_CONFORMANCE"] === "all") {
    distributionSpecSuite(start);
    return;
  }
  describe("uploads under sha512", () => {
    uploadSuite(start, "sha512");
  });
  describe("content", () => {
    contentSuite(start, ["image with signatures and other artifacts", "everything under sha512"]);
  });
});
