import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseDigest } from "../../../oci/digest.js";
import { BlobStore } from "../../../registry/storage/blob-store.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

describe("a blob whose announcement was lost with the power", () => {
  const bytes = Buffer.from("layer");
  const digest = parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
  let directory: string;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-announcement-"));
    store = await FilesystemObjectStore.open(directory);
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const push = async (repository: string): Promise<void> => {
    const data = randomUUID();
    await new BlobStore(store).commit(repository, digest, data, {
      size: bytes.length,
      complete: async () => {
        await store.put(keys.data(data), bytes);
      },
      discard: async () => {
        await store.delete(keys.data(data));
      },
    });
  };

  it("is served, and whoever pushes it again finds it and leaves nothing else", async () => {
    await push("a");
    await store.delete(keys.registerEntry(keys.blob(digest), 1));
    assert.equal(await new BlobStore(store).stat("a", digest), bytes.length);
    await push("b");
    for (const repository of ["a", "b"])
      assert.equal(await new BlobStore(store).stat(repository, digest), bytes.length);
    assert.equal((await store.list({ prefix: "data/" })).keys.length, 1);
  });
});
