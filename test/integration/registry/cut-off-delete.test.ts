import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BlobStore } from "../../../registry/storage/blob-store.js";
import { ManifestStore } from "../../../registry/storage/manifest-store.js";
import { ReferrerStore } from "../../../registry/storage/referrer-store.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { imageIn, putManifest } from "./support/content.js";
import { TestRegistry } from "./support/test-registry.js";

describe("a delete that is cut off", () => {
  it("between the manifest and its tags is ended by the next attempt", async () => {
    const root = mkdtempSync(join(tmpdir(), "berth-delete-"));
    const store = await FilesystemObjectStore.open(root);
    const registry = await TestRegistry.start({ store });
    try {
      const image = await imageIn(registry, "a/b");
      await putManifest(registry, "a/b", "t", image);
      // What a replica has done when it is killed in the middle of it.
      const manifests = new ManifestStore(store, new BlobStore(store), new ReferrerStore(store));
      await manifests.delete("a/b", image.digest);
      const list = async (): Promise<unknown> => await (await registry.fetch("GET", "/v2/a/b/tags/list")).json();
      assert.deepEqual(await list(), { name: "a/b", tags: ["t"] });
      const path = `/v2/a/b/manifests/${image.digest}`;
      await registry.expectError(404, "MANIFEST_UNKNOWN", "DELETE", path);
      assert.deepEqual(await list(), { name: "a/b", tags: [] });
    } finally {
      await registry.stop();
      await store.close();
      rmSync(root, { recursive: true });
    }
  });
});
