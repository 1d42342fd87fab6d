import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { MediaType } from "../../../../oci/media-types.js";
import { collectGarbage } from "../../../../registry/collector/collect.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { descriptorOf, documentOf, randomContent, type Content, type Described } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";
import { kill, startCollector } from "./support/run-collector.js";

const PUSHERS = 3;
const COLLECTOR_LIVES_MS = 1000;
/** Less than a client takes for a push now and then, and so short that what was deleted is soon collected. */
const FIRST_GRACE_MS = 150;
/** By which it grows when a push does not get through, until one does on this machine as well. */
const PATIENCE = 1.3;
/** When the test has seen enough. */
const ENOUGH = { pushed: 25, killed: 6 };
/** Few, so that pushers and collectors keep meeting at the same blobs. */
const LAYERS = 6;

interface Pushed {
  readonly manifest: Described;
  readonly blobs: readonly Content[];
}

describe("collectors under load", () => {
  let root: string;
  let registry: TestRegistry;
  const collectors = new Set<ChildProcess>();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-collectors-"));
    registry = await TestRegistry.start({ root });
  });

  afterEach(async () => {
    for (const child of collectors) await kill(child);
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  async function has(path: string): Promise<boolean> {
    const answer = await registry.fetch("HEAD", path);
    return answer.status === 200;
  }

  /** As clients do: what is there is not pushed. True when the registry took the manifest. */
  async function push({ manifest, blobs }: Pushed, reference: string): Promise<boolean> {
    for (const { digest, bytes } of blobs) {
      if (await has(`/v2/a/blobs/${digest}`)) continue;
      const path = `/v2/a/blobs/uploads/?digest=${digest}`;
      const answer = await registry.fetch("POST", path, { body: new Uint8Array(bytes) });
      const text = await answer.text();
      // With so short a grace time a collector may take a push of this moment for one that was abandoned.
      assert.ok(answer.status === 201 || text.includes("BLOB_UPLOAD_INVALID"), `${String(answer.status)} ${text}`);
      if (answer.status !== 201) return false;
    }
    const answer = await registry.fetch("PUT", `/v2/a/manifests/${reference}`, {
      body: new Uint8Array(manifest.bytes),
      headers: { "Content-Type": manifest.mediaType },
    });
    const text = await answer.text();
    // With so short a grace time a blob may be gone by now, and then the client is told so.
    assert.ok(answer.status === 201 || text.includes("BLOB_UNKNOWN"), `${String(answer.status)} ${text}`);
    return answer.status === 201;
  }

  async function assertWhole({ manifest, blobs }: Pushed, reference: string): Promise<void> {
    const answer = await registry.expect(200, "GET", `/v2/a/manifests/${reference}`);
    assert.equal(answer.headers.get("Docker-Content-Digest"), manifest.digest);
    for (const { digest, bytes } of blobs) {
      const blob = await registry.expect(200, "GET", `/v2/a/blobs/${digest}`);
      assert.ok(Buffer.from(await blob.arrayBuffer()).equals(bytes), digest);
    }
  }

  it("two of them, killed again and again, take nothing from any image that was acknowledged", async function () {
    this.timeout(900_000);
    const layers = Array.from({ length: LAYERS }, () => randomContent(3000));
    const running = new AbortController();
    let [pushed, killed] = [0, 0];
    let graceMs = FIRST_GRACE_MS;
    const collect = async (): Promise<void> => {
      while (!running.signal.aborted) {
        const child = startCollector(root, graceMs);
        collectors.add(child);
        await sleep(COLLECTOR_LIVES_MS * (0.5 + Math.random()));
        await kill(child);
        killed++;
        collectors.delete(child);
      }
    };
    const stay: [Pushed, string][] = [];
    const pushAndDelete = async (pusher: number): Promise<void> => {
      for (let round = 0; !running.signal.aborted; round++) {
        const config = randomContent(50);
        const chosen = layers.filter(() => Math.random() < 0.4);
        const manifest = documentOf(MediaType.ociManifest, {
          config: descriptorOf({ ...config, mediaType: MediaType.ociConfig }),
          layers: chosen.map((layer) => descriptorOf({ ...layer, mediaType: MediaType.ociLayerGzip })),
        });
        const image = { manifest, blobs: [config, ...chosen] };
        const tag = `p${String(pusher)}-${String(round)}`;
        if (!(await push(image, tag))) {
          graceMs *= PATIENCE;
          continue;
        }
        pushed++;
        graceMs = Math.max(FIRST_GRACE_MS, graceMs / PATIENCE);
        await assertWhole(image, tag);
        if (round % 4 === 0) stay.push([image, tag]);
        else await registry.expect(202, "DELETE", `/v2/a/manifests/${manifest.digest}`);
      }
    };
    const all = [collect(), collect(), ...Array.from({ length: PUSHERS }, async (_, i) => await pushAndDelete(i))];
    const failing = Promise.all(all);
    while (pushed < ENOUGH.pushed || killed < ENOUGH.killed) await Promise.race([sleep(50), failing]);
    running.abort();
    await failing;
    await collectGarbage(await FilesystemObjectStore.open(root), { graceMs: 0, untaggedGraceMs: 0 });
    for (const [image, tag] of stay) await assertWhole(image, tag);
    const needed = new Set(stay.flatMap(([{ manifest, blobs }]) => [manifest.digest, ...blobs.map((it) => it.digest)]));
    const data = readdirSync(join(root, "data"), { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
    assert.equal(data.length, needed.size, "nothing else is left");
  });
});
