import assert from "node:assert/strict";

import { isBerthError } from "../../../../oci/errors.js";
import { collectGarbage } from "../../../../registry/collector/collect.js";
import type { CollectOptions } from "../../../../registry/collector/collection.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { adoptBlob } from "../../../../registry/migration/adopt-blob.js";
import {
  age,
  assertClean,
  assertWhole,
  blobOf,
  directly,
  manifestIn,
  manifestOf,
  pushBlob,
  pushImage,
  registryOf,
} from "./support/small-registry.js";
import { ObjectTable, type SteppedStore } from "./support/stepped-store.js";

const HOUR_MS = 3600_000;
const IMAGE = manifestOf({ blobs: ["config", "layer"] });
const OTHER = manifestOf({ blobs: ["other config"] });
const INDEX = manifestOf({ manifests: [OTHER] });
const SIGNATURE = manifestOf({ blobs: ["signature"], subject: INDEX });
const LOST = manifestOf({ blobs: ["lost signature"], subject: IMAGE });

describe("collector", () => {
  let table: ObjectTable;
  let store: SteppedStore;

  beforeEach(() => {
    table = new ObjectTable();
    store = directly(table);
  });

  async function found(options: Partial<CollectOptions> = {}): Promise<string[]> {
    const names: string[] = [];
    await collectGarbage(store, {
      graceMs: HOUR_MS,
      ...options,
      onFound: ({ kind, name }) => names.push(`${kind} ${name}`),
    });
    return names.sort();
  }

  it("leaves alone what is young, and what somebody asked for since", async () => {
    await pushBlob(store, "a", "old");
    await pushBlob(store, "a", "asked for");
    age(table);
    await pushBlob(store, "a", "young");
    await registryOf(store).blobs.stat("a", blobOf("asked for").digest);
    assert.deepEqual(await found(), [`blob ${blobOf("old").digest}`]);
    await assert.rejects(registryOf(store).blobs.stat("a", blobOf("old").digest), { code: "BLOB_UNKNOWN" });
    assert.equal(await registryOf(store).blobs.stat("a", blobOf("young").digest), 5);
  });

  it("says in a dry run what a run then does, and writes nothing", async () => {
    await pushImage(store, "a", IMAGE, ["config", "layer"], "kept");
    await pushImage(store, "b", OTHER, ["other config"]);
    await pushImage(store, "b", INDEX, []);
    await pushImage(store, "b", SIGNATURE, ["signature"]);
    await pushBlob(store, "c", "nobody's");
    age(table);
    const before = new Map(table.objects);
    const options = { untaggedGraceMs: HOUR_MS };
    const said = await found({ ...options, dryRun: true });
    assert.deepEqual(table.objects, before);
    assert.deepEqual(await found(options), said);
    assert.equal(said.length, 3 + 3);
    assertWhole(table);
    assertClean(table);
    assert.deepEqual(await registryOf(store).catalog.list(), ["a"]);
    assert.deepEqual(await found(options), []);
  });

  it("leaves untagged manifests alone when it is not asked to collect them", async () => {
    await pushImage(store, "a", OTHER, ["other config"]);
    age(table);
    assert.deepEqual(await found({ graceMs: 0 }), []);
    assertWhole(table);
  });

  it("keeps the children of a tagged index and what refers to it, and not what refers to what is gone", async () => {
    await pushImage(store, "a", OTHER, ["other config"]);
    await pushImage(store, "a", INDEX, [], "index");
    await pushImage(store, "a", SIGNATURE, ["signature"]);
    await pushImage(store, "a", LOST, ["lost signature"]);
    age(table);
    const names = await found({ untaggedGraceMs: 0 });
    assert.deepEqual(names, [`blob ${blobOf("lost signature").digest}`, `manifest a@${LOST.digest}`]);
    for (const { digest } of [OTHER, INDEX, SIGNATURE]) assert.equal(manifestIn(table, "a", digest)?.state, "live");
    const referrers = registryOf(store).referrers;
    assert.equal((await referrers.page("a", INDEX.digest)).referrers.length, 1);
    assert.equal((await referrers.page("a", IMAGE.digest)).referrers.length, 0);
  });

  it("takes a blob back that was condemned and is pushed again", async () => {
    await pushBlob(store, "a", "blob");
    await found({ graceMs: 0 });
    await pushImage(store, "a", manifestOf({ blobs: ["blob"] }), ["blob"], "v1");
    assertWhole(table);
    age(table);
    assert.deepEqual(await found({ graceMs: 0 }), []);
  });

  it("collects nothing when a key is there that it cannot read", async () => {
    await pushBlob(store, "a", "blob");
    age(table);
    table.put("manifests/a/sha256/short/0000000001", Buffer.from("{}"), false);
    await assert.rejects(found(), { code: "STORAGE" });
    assertWhole(table);
  });

  it("leads nobody to bytes any more while it waits for those who were led there", async () => {
    await pushBlob(store, "a", "blob");
    age(table);
    const lagging = Object.assign(directly(table), { traits: { conditionalCreate: true, staleForMs: HOUR_MS } });
    const stopped = new AbortController();
    const waits: number[] = [];
    const onWait = (waitMs: number): number => waits.push(waitMs);
    const collecting = collectGarbage(lagging, { graceMs: 0, signal: stopped.signal, onWait });
    const isThere = (prefix: string): boolean => [...table.objects.keys()].some((key) => key.startsWith(prefix));
    try {
      await waitUntil("the blob is given up", () => table.objects.size > 0 && !isThere("repos/a/blobs/"));
      assert.ok(isThere("data/"));
      await waitUntil("it says that it waits", () => waits.length > 0);
      assert.deepEqual(waits, [(HOUR_MS * 4) / 3]);
    } finally {
      stopped.abort();
      await assert.rejects(collecting, { code: "ABORTED" });
    }
    await found({ graceMs: 0 });
    assertClean(table);
  });

  it("deletes adopted bytes once, and not what another registry puts there afterwards", async () => {
    const { digest, bytes } = blobOf("adopted");
    const key = "docker/registry/v2/blobs/sha256/ab/abcd/data";
    await store.put(key, bytes);
    assert.equal(await adoptBlob(store, digest, key, bytes.length), "adopted");
    age(table);
    assert.deepEqual(await found({ graceMs: 0 }), [`blob ${digest}`]);
    assert.equal(table.objects.has(key), false);
    await store.put(key, bytes);
    assert.deepEqual(await found({ graceMs: 0 }), []);
    assert.ok(table.objects.has(key));
    assert.equal(await adoptBlob(store, digest, key, bytes.length), "collected");
  });

  it("refuses a store that does not keep conditional creations", async () => {
    const weak = Object.assign(directly(table), { traits: { conditionalCreate: false, staleForMs: 0 } });
    await assert.rejects(collectGarbage(weak, { graceMs: 0 }), { code: "UNSUPPORTED" });
  });

  it("stops when it is told to, and leaves everything whole", async () => {
    for (let i = 0; i < 20; i++) await pushBlob(store, "a", `blob ${String(i)}`);
    age(table);
    const stop = new AbortController();
    const run = collectGarbage(store, {
      graceMs: 0,
      signal: stop.signal,
      onFound: () => {
        stop.abort();
      },
    });
    await assert.rejects(run, (error) => isBerthError(error, "ABORTED"));
    assertWhole(table);
    await found({ graceMs: 0 });
    assertClean(table);
  });
});
