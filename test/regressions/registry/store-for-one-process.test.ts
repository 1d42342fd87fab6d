import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startRegistry } from "../../../registry/index.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

describe("a store that does not keep conditional creation", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-one-"));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it("is served by one process, and refused by one that is to share it", async () => {
    const store = await FilesystemObjectStore.open(root);
    Object.assign(store, { traits: { conditionalCreate: false, staleForMs: 0 } });
    await assert.rejects(startRegistry({ store, sharesStore: true }), { code: "UNSUPPORTED", message: /workers to 1/ });
    await (await startRegistry({ store })).close();
    await store.close();
  });
});
