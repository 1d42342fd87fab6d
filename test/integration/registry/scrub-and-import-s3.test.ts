import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { MediaType } from "../../../oci/media-types.js";
import { importDistribution, type ImportFinding } from "../../../registry/migration/import-distribution.js";
import { scrub } from "../../../registry/scrub/scrub.js";
import type { ScrubFinding } from "../../../registry/scrub/findings.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { listAllKeys } from "../../../registry/storage/whole-listing.js";
import { openStore } from "../../../storage/open-store.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { ContentBundle } from "../../conformance/registry/content-bundle.js";
import { describeWith } from "../../helpers/capabilities.js";
import { S3_SERVER, s3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { bytesOf, pushBlob, randomContent } from "./support/content.js";
import { DistributionTree } from "./support/distribution-tree.js";
import { TestRegistry } from "./support/test-registry.js";

describeWith(S3_SERVER, "registry's care of a bucket", () => {
  let store: ObjectStore;
  let registry: TestRegistry;

  before(async () => {
    store = await openStore({ s3: await s3Place() });
    registry = await TestRegistry.start({ store, redirect: false });
  });

  after(async () => {
    await registry.stop();
    await store.close();
  });

  it("adopts what distribution keeps below a prefix of the bucket, where it lies", async () => {
    const bundle = new ContentBundle();
    const index = bundle.index([bundle.image(), bundle.image()], { tag: "v1" });
    await new DistributionTree(store, "images/").add("team/app", bundle);
    const findings: ImportFinding[] = [];
    const options = { prefix: "images/", onFinding: (finding: ImportFinding) => findings.push(finding) };
    const summary = await importDistribution(store, options);
    assert.deepEqual([summary, findings], [{ repositories: 1, blobs: 6, manifests: 3, tags: 1, lost: 0 }, []]);
    const answer = await registry.expect(200, "GET", "/v2/team/app/manifests/v1");
    assert.equal(answer.headers.get("Content-Type"), MediaType.ociIndex);
    assert.deepEqual(await bytesOf(answer), index.bytes);
    for (const { digest, bytes } of bundle.blobs) {
      assert.deepEqual(await bytesOf(await registry.expect(200, "GET", `/v2/team/app/blobs/${digest}`)), bytes);
    }
    assert.equal((await listAllKeys(store, "data/")).length, bundle.manifests.length);
    assert.equal((await importDistribution(store, options)).blobs, 0);
  });

  it("finds a damaged blob, serves it no longer, and takes it again", async () => {
    const blob = randomContent(100_000);
    await pushBlob(registry, "a", blob);
    // As if the bucket had lost it: a pointer to other bytes.
    const [link = ""] = await listAllKeys(store, `${keys.blobLinksOf("a", blob.digest)}/`);
    const data = /([0-9a-f-]{36})\.\d+$/.exec(link)?.[1] ?? randomUUID();
    await store.delete(keys.data(data));
    await store.put(keys.data(data), randomContent(100_000).bytes);
    const findings: ScrubFinding[] = [];
    await scrub(store, { onFinding: (finding) => findings.push(finding) });
    assert.deepEqual(
      findings.filter(({ kind }) => kind === "damaged").map(({ what, quarantined }) => [what, quarantined]),
      [[blob.digest, true]],
    );
    const again = await TestRegistry.start({ store, redirect: false });
    try {
      await again.expect(404, "GET", `/v2/a/blobs/${blob.digest}`);
      await pushBlob(again, "a", blob);
      assert.deepEqual(await bytesOf(await again.expect(200, "GET", `/v2/a/blobs/${blob.digest}`)), blob.bytes);
    } finally {
      await again.stop();
    }
  });
});
