import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digestOf } from "../../../oci/digest.js";
import { collectGarbage } from "../../../registry/collector/collect.js";
import type { CollectReport } from "../../../registry/collector/collection.js";
import {
  importDistribution,
  type ImportFinding,
  type ImportSummary,
} from "../../../registry/migration/import-distribution.js";
import { scrub } from "../../../registry/scrub/scrub.js";
import { listAllKeys } from "../../../registry/storage/whole-listing.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { ContentBundle } from "../../conformance/registry/content-bundle.js";
import { DistributionTree } from "../../integration/registry/support/distribution-tree.js";

/**
 * The collector deleted from distribution's tree what no manifest of this registry named: the layers of a manifest that could not
 * be imported, and of all when an import was killed between layers and manifests. And a tag that such an import had
 * already moved counted as moved by a user.
 */
describe("a store of distribution's that was imported", () => {
  let root: string;
  let store: ObjectStore;
  let tree: DistributionTree;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-import-"));
    store = await FilesystemObjectStore.open(root);
    tree = new DistributionTree(store);
  });

  afterEach(async () => {
    await store.close();
    rmSync(root, { recursive: true });
  });

  const run = async (into = store, findings: ImportFinding[] = []): Promise<ImportSummary> =>
    await importDistribution(into, { onFinding: (finding) => findings.push(finding) });
  const collect = async (): Promise<CollectReport> => await collectGarbage(store, { graceMs: 0, untaggedGraceMs: 0 });
  const itsFiles = async (): Promise<string[]> => await listAllKeys(store, "docker/");

  /** The process ends right before it writes what `isLast` says. */
  const killedBefore = (isLast: (key: string) => boolean): ObjectStore =>
    new Proxy(store, {
      get(target, property) {
        if (property === "put") {
          return async (...[key, bytes, options]: Parameters<ObjectStore["put"]>): Promise<void> => {
            if (isLast(key)) throw new Error("killed");
            await target.put(key, bytes, options);
          };
        }
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });

  const oldImage = (): ContentBundle => {
    const bundle = new ContentBundle();
    bundle.image({ tag: "v1", schemaVersion: 1 });
    return bundle;
  };

  it("keeps the layers of a manifest that could not be imported", async () => {
    await tree.add("team/old", oldImage());
    const before = await itsFiles();
    assert.equal((await run()).lost, 2);
    const { deletedBlobs, shared } = await collect();
    assert.deepEqual([deletedBlobs, shared, await itsFiles()], [0, 3, before]);
  });

  it("keeps what an import that was killed had adopted, and the next one goes on", async () => {
    const bundle = new ContentBundle();
    bundle.image({ tag: "v1" });
    await tree.add("team/app", bundle);
    const before = await itsFiles();
    await assert.rejects(run(killedBefore((key) => key.startsWith("manifests/"))), /killed/);
    await collect();
    assert.deepEqual(await itsFiles(), before);
    assert.deepEqual(await run(), { repositories: 1, blobs: 0, manifests: 1, tags: 1, lost: 0 });
  });

  it("keeps damaged bytes where they lie, though they are no longer served", async () => {
    const bundle = new ContentBundle();
    bundle.image({ tag: "v1" });
    await tree.add("team/app", bundle);
    await run();
    const [blob = assert.fail()] = bundle.blobs;
    const damaged = Buffer.from(blob.bytes).fill("x", 0, 10);
    await store.put(tree.dataOf(blob.digest), damaged);
    const { damage } = await scrub(store, { onFinding: () => undefined });
    // The blob, and the manifest that names it.
    assert.equal(damage, 2);
    await collect();
    assert.deepEqual(await store.get(tree.dataOf(blob.digest)), damaged);
  });

  it("gives up adopted bytes that nothing names once distribution's repositories are gone", async () => {
    const kept = new ContentBundle();
    kept.image({ tag: "v1" });
    await tree.add("team/app", kept);
    const old = oldImage();
    await tree.add("team/old", old);
    await run();
    await store.deleteAll(await listAllKeys(store, "docker/registry/v2/repositories/"));
    const { deletedBlobs, shared } = await collect();
    assert.deepEqual([deletedBlobs, shared], [3, 0]);
    for (const { digest } of old.blobs) assert.equal(await store.stat(tree.dataOf(digest)), undefined);
    for (const { digest } of kept.blobs) assert.equal(digestOf(await store.get(tree.dataOf(digest))), digest);
  });

  it("follows tags that an import which was killed had moved", async () => {
    const bundle = new ContentBundle();
    const [old, young] = [bundle.image({ tag: "a" }), bundle.image()];
    bundle.tags.set("b", old.digest);
    await tree.add("team/app", bundle);
    // The first time before a tag is moved, then after some were.
    await assert.rejects(run(killedBefore((key) => key.endsWith("/tags/a"))), /killed/);
    let written = 0;
    await assert.rejects(run(killedBefore((key) => key.startsWith("imports/") && ++written === 2)), /killed/);
    for (const tag of ["a", "b"]) await tree.tag("team/app", tag, young.digest);
    const findings: ImportFinding[] = [];
    const { tags, lost } = await run(store, findings);
    assert.deepEqual([tags, lost, findings], [2, 0, []]);
    assert.equal((await run()).tags, 0);
  });
});
