import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isBerthError } from "../../../oci/errors.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { ownProcessIdentity } from "../../../storage/process-identity.js";
import { SmallDisk } from "../registry/support/small-disk.js";
import { describeDriver } from "./driver-suite.js";

function leftoversIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((path) => path !== ".staging");
}

describeDriver("filesystem", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-storage-"));
  return await Promise.resolve({
    open: async () => await FilesystemObjectStore.open(directory),
    leftovers: async () => await Promise.resolve(leftoversIn(directory)),
    dispose: async () => {
      rmSync(directory, { recursive: true });
      await Promise.resolve();
    },
  });
});

describe("filesystem object store", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-storage-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("sweeps what a dead process left, and nothing of a living one or of uploads that may be resumed", async () => {
    const staging = join(directory, ".staging");
    mkdirSync(staging);
    const living = ownProcessIdentity();
    const dead = living.replace(/\.\d+$/, ".1");
    const foreign = `other-boot.1.2.3`;
    const names = {
      dead: `put.${dead}.aaaa`,
      living: `put.${living}.bbbb`,
      foreign: `put.${foreign}.cccc`,
      "foreign and old": `put.${foreign}.dddd`,
      upload: "upload.eeee",
      "old upload": "upload.ffff",
    };
    for (const name of Object.values(names)) writeFileSync(join(staging, name), "x");
    const long = new Date(Date.now() - 30 * 24 * 3600_000);
    for (const name of [names["foreign and old"], names["old upload"]]) utimesSync(join(staging, name), long, long);
    const store = await FilesystemObjectStore.open(directory);
    const left = [names.living, names.foreign, names.upload];
    assert.deepEqual(readdirSync(staging).sort(), [...left, names["old upload"]].sort());
    assert.equal(await store.sweepUploads(7 * 24 * 3600_000), 1);
    assert.deepEqual(readdirSync(staging).sort(), left.sort());
  });

  it("tells a full disk apart, keeps what was there, leaves nothing half-written and recovers by itself", async () => {
    const disk = new SmallDisk(1024);
    try {
      const root = join(disk.directory, "store");
      const store = await FilesystemObjectStore.open(root);
      await store.put("kept", Buffer.from("kept"));
      const noSpace = (error: unknown): boolean => isBerthError(error, "NO_SPACE");
      await assert.rejects(store.put("large", randomBytes(2_000_000)), noSpace);
      const upload = await store.openUpload("upload");
      await assert.rejects(async () => {
        await upload.write(randomBytes(2_000_000));
        await upload.complete();
      }, noSpace);
      await upload.abort();
      assert.deepEqual(readdirSync(join(root, ".staging")), []);
      assert.deepEqual((await store.list({ prefix: "" })).keys, ["kept"]);
      await store.put("next", randomBytes(500_000));
      assert.equal((await store.get("kept")).toString(), "kept");
    } finally {
      disk.remove();
    }
    assert.ok(!existsSync(disk.directory));
  });

  it("reads a directory of many names once, not once for every thousand of them", async () => {
    const store = await FilesystemObjectStore.open(directory);
    mkdirSync(join(directory, "many"));
    for (let i = 0; i < 2500; i++) writeFileSync(join(directory, "many", String(i)), "");
    const { keys, next } = await store.list({ prefix: "many/" });
    assert.deepEqual([keys.length, next], [2500, undefined]);
  });

  it("does not take what it had for deleted when its file system is unmounted", async () => {
    const disk = new SmallDisk(1024);
    try {
      const store = await FilesystemObjectStore.open(join(disk.directory));
      await store.put("a/kept", Buffer.from("kept"));
      disk.unmount();
      const unavailable = (error: unknown): boolean => isBerthError(error, "UNAVAILABLE");
      await assert.rejects(store.get("a/kept"), unavailable);
      await assert.rejects(store.open("a/kept"), unavailable);
      await assert.rejects(store.stat("a/kept"), unavailable);
      await assert.rejects(store.list({ prefix: "a/" }), unavailable);
      await assert.rejects(store.delete("a/kept"), unavailable);
      await assert.rejects(store.put("a/new", Buffer.from("new")));
      assert.deepEqual(leftoversIn(disk.directory), []);
    } finally {
      disk.remove();
    }
  });

  it("reports a root that cannot be one", async () => {
    writeFileSync(join(directory, "file"), "");
    await assert.rejects(FilesystemObjectStore.open(join(directory, "file", "root")), (error) =>
      isBerthError(error, "STORAGE"),
    );
  });
});
