import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { collectGarbage } from "../../../../registry/collector/collect.js";
import { Evictor } from "../../../../registry/mirror/evictor.js";
import type { EvictionLimits } from "../../../../registry/mirror/eviction-plan.js";
import { MirrorCounts } from "../../../../registry/mirror/mirror-counts.js";
import { PullLedger } from "../../../../registry/mirror/pull-ledger.js";
import { registryOn, type Registry } from "../../../../registry/registry.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import type { ObjectStore } from "../../../../storage/object-store.js";
import { parseDigest } from "../../../../oci/digest.js";
import { bytesOf, imageIn, putManifest } from "../support/content.js";
import { MirrorRig } from "./support/mirror-rig.js";

const TAG = "/v2/up/team/app/manifests/v1";
const STORED = "_up/team/app";
const DAY_MS = 24 * 3600_000;

describe("the eviction of copies", () => {
  let directory: string;
  let store: ObjectStore;
  let rig: MirrorRig;
  let registry: Registry;
  let ledger: PullLedger;
  let counts: MirrorCounts;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-eviction-"));
    store = await FilesystemObjectStore.open(directory);
    rig = await MirrorRig.start({ registry: { store, root: directory } });
    registry = registryOn(store, { limits: { manifestBytes: 10_000, sparseManifests: false } });
    ledger = new PullLedger(store);
    counts = new MirrorCounts();
    await rig.mirror.expect(200, "GET", TAG);
    await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath));
    // The client need not wait for that.
    await rig.untilKept(directory);
  });

  afterEach(async () => {
    await rig.stop();
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const evict = async (limits: EvictionLimits): Promise<number> => {
    const { blobs, manifests, tags } = registry;
    const log = pino({ level: "silent" });
    return await new Evictor({ store, blobs, manifests, tags, ledger, log, counts }, limits).run();
  };

  const hasBlob = async (): Promise<boolean> =>
    await registry.blobs.stat(STORED, parseDigest(rig.layer)).then(
      () => true,
      () => false,
    );

  it("leaves what fits", async () => {
    assert.equal(await evict({ maxSize: 1_000_000, maxAgeMs: DAY_MS }), 0);
    assert.equal(await hasBlob(), true);
  });

  it("takes manifest, tag and blobs of what does not fit, which are fetched again when somebody wants them", async () => {
    assert.equal(await evict({ maxSize: 10 }), 1);
    assert.equal(await hasBlob(), false);
    assert.equal(await registry.manifests.has(STORED, rig.image.manifest), false);
    assert.deepEqual(await registry.tags.list(STORED), []);
    await rig.mirror.expect(200, "GET", TAG);
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    assert.equal(rig.count("GET", "/manifests/"), 2);
  });

  it("counts from the last pull, also of one that another process has written down", async () => {
    const other = new PullLedger(store);
    other.note(STORED, rig.image.manifest, Date.now() + 10 * DAY_MS);
    await other.flush();
    assert.equal(await evict({ maxAgeMs: -DAY_MS }), 0);
    await other.forget(STORED, rig.image.manifest);
    assert.equal(await evict({ maxAgeMs: -DAY_MS }), 1);
  });

  it("never takes what was pushed", async () => {
    const image = await imageIn(rig.mirror, "team/app");
    await putManifest(rig.mirror, "team/app", "v1", image);
    await evict({ maxSize: 0, maxAgeMs: -DAY_MS });
    await rig.mirror.expect(200, "GET", "/v2/team/app/manifests/v1");
    const { layers } = JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] };
    for (const { digest } of layers) await rig.mirror.expect(200, "GET", `/v2/team/app/blobs/${digest}`);
  });

  it("leaves its bytes to the garbage collector, which takes nothing of what stays", async () => {
    await collectGarbage(store, { graceMs: 0 });
    await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath));
    assert.equal(rig.count("GET", rig.layer), 1);
    await evict({ maxSize: 10 });
    await collectGarbage(store, { graceMs: 0 });
    assert.deepEqual(rig.mirror.files("data"), []);
    assert.deepEqual(rig.mirror.files("repos/_up!team!app"), []);
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
  });

  it("writes a pull down once an hour, however often it happens", async () => {
    const now = Date.now();
    ledger.note(STORED, rig.image.manifest, now);
    await ledger.flush();
    const stamp = await store.stat(`pulls/_up!team!app/${rig.image.manifest.replace(":", "/")}`);
    assert.notEqual(stamp, undefined);
    await store.delete(`pulls/_up!team!app/${rig.image.manifest.replace(":", "/")}`);
    ledger.note(STORED, rig.image.manifest, now + 1000);
    await ledger.flush();
    assert.deepEqual(rig.mirror.files("pulls"), []);
    ledger.note(STORED, rig.image.manifest, now + 2 * 3600_000);
    await ledger.flush();
    assert.equal((await ledger.lastPulls(STORED)).get(rig.image.manifest), now + 2 * 3600_000);
  });
});
