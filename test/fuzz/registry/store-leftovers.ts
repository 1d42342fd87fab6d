import assert from "node:assert/strict";

import type { ScrubFinding } from "../../../registry/scrub/findings.js";
import { scrub } from "../../../registry/scrub/scrub.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { waitUntil } from "../../helpers/wait-until.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";

/**
 * What a registry keeps after any requests: bytes that something points to, whole, and uploads that are still open.
 * @throws AssertionError for anything else
 */
export async function assertNoLeftovers(registry: TestRegistry): Promise<void> {
  const store = await FilesystemObjectStore.open(registry.directory);
  const findings: ScrubFinding[] = [];
  const { blobs, manifests } = await scrub(store, { onFinding: (finding) => findings.push(finding), dryRun: true });
  assert.deepEqual(
    findings.filter(({ kind }) => kind !== "dangling" && kind !== "incomplete"),
    [],
  );
  assert.equal(registry.files("data").length, blobs + manifests, "bytes to which nothing points");
  // A connection may be closed a moment before the server has cleaned up after it.
  await waitUntil("only open uploads are staged", () => {
    const [staged, sessions] = [registry.files(".staging"), registry.files("uploads")];
    return staged.every((name) => name.startsWith("upload.")) && staged.length <= sessions.length;
  });
}
