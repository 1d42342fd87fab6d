import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BlobStore } from "../../../registry/storage/blob-store.js";
import { UploadRegistry } from "../../../registry/uploads/upload-registry.js";
import { endAbandonedUploads } from "../../../registry/uploads/upload-sweep.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

const HOUR_MS = 3600_000;

/** Records of sessions are not synced: after a loss of power one may be there by name, and empty. */
describe("an upload session whose record is damaged", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let uploads: UploadRegistry;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-damaged-"));
    store = await FilesystemObjectStore.open(root);
    uploads = new UploadRegistry(store, new BlobStore(store));
  });

  afterEach(async () => {
    await uploads.close();
    await store.close();
    rmSync(root, { recursive: true });
  });

  const damaged = (id: string, hoursAgo: number): void => {
    const path = join(root, "uploads", id, "0000000001");
    mkdirSync(join(root, "uploads", id), { recursive: true });
    writeFileSync(path, "");
    const then = new Date(Date.now() - hoursAgo * HOUR_MS);
    utimesSync(path, then, then);
  };

  it("goes when it is old, and keeps no other one from being ended", async () => {
    const [old, young] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
    damaged(old, 48);
    damaged(young, 1);
    await uploads.start("a", "sha256");
    await uploads.close();
    const left = async (): Promise<string[]> =>
      (await store.list({ prefix: "uploads/" })).keys.map((key) => key.split("/")[1] ?? "");
    assert.equal((await left()).length, 3);
    assert.deepEqual(await endAbandonedUploads({ uploads, store, expiryMs: 24 * HOUR_MS }), [1, 0]);
    assert.equal((await left()).length, 2);
    assert.ok((await left()).includes(young));
    assert.deepEqual(await endAbandonedUploads({ uploads, store, expiryMs: 0 }), [2, 0]);
    assert.deepEqual(await left(), []);
  });
});
