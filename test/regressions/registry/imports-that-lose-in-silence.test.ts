import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isBerthError } from "../../../oci/errors.js";
import { importDistribution } from "../../../registry/migration/import-distribution.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { contentOf } from "../../integration/registry/support/content.js";

/**
 * A tag whose link a loss of power had emptied was passed over without a word; and what lay below a directory with a `!` in its
 * name was imported and could not be found again.
 */
describe("an import of distribution's tree", () => {
  let root: string;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-import-"));
    store = await FilesystemObjectStore.open(root);
  });

  afterEach(async () => {
    await store.close();
    rmSync(root, { recursive: true });
  });

  const repository = "docker/registry/v2/repositories/team/app";
  const put = async (key: string, text: string): Promise<void> => {
    await store.put(key, Buffer.from(text));
  };

  it("tells of a tag whose link is damaged", async () => {
    await put(`${repository}/_manifests/tags/v1/current/link`, "");
    const findings: string[] = [];
    const { lost } = await importDistribution(store, {
      onFinding: ({ kind, what }) => findings.push(`${kind} ${what}`),
    });
    assert.deepEqual([findings, lost], [["lost v1"], 1]);
  });

  it("refuses a tree that it could not lead to", async () => {
    const { digest } = contentOf("layer");
    await put(`my!registry/${repository}/_layers/sha256/${digest.slice("sha256:".length)}/link`, digest);
    await assert.rejects(importDistribution(store, { prefix: "my!registry/", onFinding: () => undefined }), (error) =>
      isBerthError(error, "USAGE"),
    );
  });
});
