import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MediaType } from "../../../../oci/media-types.js";
import type { Descriptor } from "../../../../oci/manifest.js";
import { collectGarbage } from "../../../../registry/collector/collect.js";
import { registryOn } from "../../../../registry/registry.js";
import { keys } from "../../../../registry/storage/key-tree.js";
import type { ObjectStore } from "../../../../storage/object-store.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { descriptorOf, documentOf, pushBlob, putManifest, randomContent, type Described } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";
import { killCollectorAfter } from "./support/run-collector.js";

const ORPHAN = "0badc0de-0000-4000-8000-000000000000";

describe("collector killed", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-collector-"));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** Below `root/store`: an image with a tag, and everything that a registry may have left of others. */
  async function prepare(): Promise<Described> {
    const directory = join(root, "store");
    const store = await FilesystemObjectStore.open(directory);
    const registry = await TestRegistry.start({ root: directory, store });
    const kept = await image(registry, "a", 2);
    await putManifest(registry, "a", "kept", kept);
    const untagged = await image(registry, "b", 1);
    await putManifest(registry, "b", untagged.digest, untagged);
    const signature = await image(registry, "b", 1, { subject: descriptorOf(untagged) });
    await putManifest(registry, "b", signature.digest, signature);
    const deleted = await image(registry, "c", 1);
    await putManifest(registry, "c", "gone", deleted);
    await registry.expect(202, "DELETE", `/v2/c/manifests/${deleted.digest}`);
    await store.put(keys.data(ORPHAN), randomContent(1000).bytes);
    await registry.stop();
    return kept;
  }

  async function image(registry: TestRegistry, name: string, blobs: number, fields = {}): Promise<Described> {
    const [config, ...layers] = Array.from({ length: blobs }, () => ({
      mediaType: MediaType.ociConfig,
      ...randomContent(1000),
    }));
    for (const blob of [config, ...layers]) if (blob !== undefined) await pushBlob(registry, name, blob);
    const content = { config: config && descriptorOf(config), layers: layers.map(descriptorOf), ...fields };
    return documentOf(MediaType.ociManifest, content);
  }

  async function assertWhole(store: ObjectStore, { digest }: Described): Promise<void> {
    const { manifests, blobs, tags } = registryOn(store, { limits: { manifestBytes: 1, sparseManifests: false } });
    assert.equal(await tags.resolve("a", "kept"), digest);
    const { bytes } = await manifests.get("a", digest);
    const { config, layers } = JSON.parse(bytes.toString()) as Record<"config", Descriptor> & { layers: Descriptor[] };
    for (const part of [config, ...layers]) await (await blobs.open("a", part.digest)).close();
  }

  function files(directory: string): string[] {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes(".staging"))
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
      .sort();
  }

  it("before any of its changes has lost nothing, and the next one finishes what it began", async function () {
    this.timeout(1200_000);
    const kept = await prepare();
    const whole = join(root, "whole");
    cpSync(join(root, "store"), whole, { recursive: true });
    const report = await collectGarbage(await FilesystemObjectStore.open(whole), { graceMs: 0, untaggedGraceMs: 0 });
    assert.deepEqual([report.deletedManifests, report.deletedBlobs, report.orphans], [2, 3, 1]);
    // Registers remember that things are gone; all else is what the image needs.
    const left = files(whole).filter((path) => !/^(?:blobs|manifests)\//.test(path));
    assert.equal(left.filter((path) => path.startsWith("data/")).length, 3);
    assert.equal(left.filter((path) => path.startsWith("repos/a/")).length, 3);
    assert.equal(left.length, 6, left.join("\n"));

    let steps = 0;
    for (; ; steps++) {
      const directory = join(root, `killed-${String(steps)}`);
      cpSync(join(root, "store"), directory, { recursive: true });
      if (!(await killCollectorAfter(directory, steps))) break;
      const store = await FilesystemObjectStore.open(directory);
      await assertWhole(store, kept);
      await collectGarbage(store, { graceMs: 0, untaggedGraceMs: 0 });
      await assertWhole(store, kept);
      assert.deepEqual(files(directory), files(whole), `killed before change ${String(steps)}`);
      await store.close();
      rmSync(directory, { recursive: true });
    }
    // Two manifests and three blobs are condemned and buried; their data, an orphan, three links and a referrer go.
    assert.equal(steps, 20, `${String(steps)} changes`);
  });
});
