import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { pino } from "pino";

import { CollectorSchedule } from "../../../../registry/collector/collector-schedule.js";
import { keys } from "../../../../registry/storage/key-tree.js";
import { WriteOnceRegister } from "../../../../registry/storage/write-once-register.js";
import type { UploadRecord } from "../../../../registry/uploads/upload-record.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { runProgram } from "../../../helpers/child-process.js";
import { PROJECT } from "../../../helpers/project.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { imageIn, pushBlob, putManifest, randomContent, type Content } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("berth registry gc", () => {
  let root: string;
  let registry: TestRegistry;
  let garbage: Content;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-gc-"));
    registry = await TestRegistry.start({ root });
    garbage = randomContent(5000);
    await pushBlob(registry, "a", garbage);
    await putManifest(registry, "a", "v1", await imageIn(registry, "a"));
    await putManifest(registry, "a", "v2", await imageIn(registry, "a"));
    await registry.expect(202, "DELETE", "/v2/a/manifests/v2");
  });

  afterEach(async () => {
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  async function gc(...flags: string[]): Promise<Outcome> {
    const args = [join(PROJECT, "dist/bin/berth.js"), "registry", "gc", "--root", root, ...flags];
    return await new Promise((resolve) => {
      execFile(process.execPath, args, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      });
    });
  }

  it("deletes beside the registry that serves, and says what; a dry run only says it", async () => {
    const young = await gc();
    assert.deepEqual([young.code, young.stdout], [0, ""]);
    const said = await gc("--grace", "0", "--dry-run");
    assert.equal(said.stdout, `blob eligible for deletion: ${garbage.digest} (5kB)\n`);
    assert.equal(registry.files("data").length, 1 + 2 * 4);
    const done = await gc("--grace", "0");
    assert.equal(done.stdout, `blob deleted: ${garbage.digest} (5kB)\n`);
    assert.match(
      done.stderr,
      /^2 manifests and 7 blobs looked at in \d+ ms: 1 blobs and 0 manifests deleted, .*5kB freed\n$/,
    );
    await registry.expectError(404, "BLOB_UNKNOWN", "GET", `/v2/a/blobs/${garbage.digest}`);
    await registry.expect(200, "GET", "/v2/a/manifests/v1");

    const untagged = await gc("--grace", "0", "--delete-untagged");
    assert.match(untagged.stdout, /^(?=[^]*manifest deleted: a@sha256)(?:(?:blob|manifest) deleted: .*\n){4}$/);
    assert.equal(registry.files("data").length, 4);
    // What had been there is pushed again like anything else.
    await pushBlob(registry, "a", garbage);
    await registry.expect(200, "GET", `/v2/a/blobs/${garbage.digest}`);
  });

  it("ends the uploads that nobody has gone on with, and says which; a dry run only says it", async () => {
    const begun = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const place = begun.headers.get("Location") ?? assert.fail();
    await registry.expect(202, "PATCH", place, { body: "half of it" });
    const id = begun.headers.get("Docker-Upload-UUID") ?? assert.fail();
    assert.equal((await gc("--dry-run")).stdout, "");
    const register = new WriteOnceRegister<UploadRecord>(await FilesystemObjectStore.open(root), keys.upload(id));
    const entry = (await register.read()) ?? assert.fail();
    assert.ok(await register.replace(entry, { ...entry.value, at: Date.now() - 25 * 3600_000 }));
    assert.equal((await gc("--dry-run")).stdout, `upload eligible for deletion: a@${id} (10B)\n`);
    await registry.expect(204, "GET", place);
    assert.equal((await gc()).stdout, `upload deleted: a@${id} (10B)\n`);
    await registry.expect(404, "GET", place);
  });

  it("takes its settings from the file, and refuses wrong flags and settings in one line", async () => {
    const file = join(root, "config.yaml");
    writeFileSync(file, "collector: { untagged: true, graceHours: 2 }\n");
    assert.deepEqual(
      [(await gc("--config", file, "--dry-run", "--grace", "0")).stdout.match(/manifest/g)?.length],
      [1],
    );
    writeFileSync(file, "collector: { graceHours: 1 }\n");
    for (const wrong of [
      ["--grace", "soon"],
      ["--config", file],
    ]) {
      const { code, stdout, stderr } = await gc(...wrong);
      assert.deepEqual([code !== 0, stdout], [true, ""]);
      assert.match(stderr, /^berth: .*(?:--grace|graceHours)/s);
    }
  });

  it("finds no registry where there is none, and makes none", async () => {
    for (const verb of ["gc", "scrub", "retention", "import-distribution"]) {
      const [missing, args] = [join(root, "mistyped"), [join(PROJECT, "dist/bin/berth.js"), "registry", verb]];
      await assert.rejects(runProgram(process.execPath, [...args, "--root", missing]), /there is no registry in/, verb);
      assert.equal(existsSync(missing), false);
    }
  });

  it("runs by schedule, in one of the processes on a store", async () => {
    const stores = await Promise.all([1, 2].map(async () => await FilesystemObjectStore.open(root)));
    const lines: string[] = [];
    const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const settings = { enabled: true, everyHours: 1, graceHours: 0, untagged: true, untaggedGraceHours: 0 };
    const schedules = stores.map((store) => new CollectorSchedule(store, settings, log, 1));
    await waitUntil("the garbage is gone", () => registry.files("data").length === 4 && lines.length > 0);
    await Promise.all(schedules.map(async (schedule) => await schedule.stop()));
    assert.equal(lines.length, 1, lines.join(""));
    assert.match(lines[0] ?? "", /"deletedBlobs":4.*garbage collected/);
  });
});
