import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { lockFile, removeTree, syncFilesystem, tryLockFile } from "../../../../runtime-native/index.js";
import { nativeFailure } from "../../../helpers/layer-sandbox.js";

describe("removeTree, syncFilesystem, lockFile", () => {
  let work: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "berth-host-"));
  });
  afterEach(() => {
    rmSync(work, { recursive: true, force: true });
  });

  it("removes a tree, and nothing that its links point to", async () => {
    const outside = join(work, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "kept"), "1");
    mkdirSync(join(work, "tree/a/b"), { recursive: true });
    symlinkSync(outside, join(work, "tree/a/link"));
    symlinkSync("/nowhere", join(work, "tree/dangling"));
    execFileSync("mkfifo", [join(work, "tree/a/pipe")]);
    await removeTree(join(work, "tree/"));
    symlinkSync(outside, join(work, "link"));
    await removeTree(join(work, "link"));
    assert.deepEqual(readdirSync(work), ["outside"]);
    assert.deepEqual(readdirSync(outside), ["kept"]);
  });

  it("takes a missing tree as removed, and refuses what is no tree's name", async () => {
    await removeTree(join(work, "missing"));
    await removeTree(join(work, "missing/deeper"));
    for (const path of ["/", "", ".", "..", `${work}/..`])
      await assert.rejects(removeTree(path), nativeFailure("SYSTEM"));
    assert.ok(existsSync(work));
  });

  it("removes a tree deeper than any path and any limit on descriptors", async () => {
    const script = `
import os, sys
os.chdir(sys.argv[1])
for i in range(5000):
    os.mkdir("d"); os.chdir("d"); open("f", "w").close()`;
    mkdirSync(join(work, "deep"));
    execFileSync("python3", ["-c", script, join(work, "deep")]);
    await removeTree(join(work, "deep"));
    assert.deepEqual(readdirSync(work), []);
  });

  it("does not remove what is mounted inside", async () => {
    mkdirSync(join(work, "tree/mount"), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "none", join(work, "tree/mount")]);
    try {
      writeFileSync(join(work, "tree/mount/kept"), "1");
      await assert.rejects(removeTree(join(work, "tree")), nativeFailure("SYSTEM", /mount/));
      assert.ok(existsSync(join(work, "tree/mount/kept")));
    } finally {
      execFileSync("umount", [join(work, "tree/mount")]);
    }
  });

  it("syncs the filesystem of a path", async () => {
    await syncFilesystem(work);
    await assert.rejects(syncFilesystem(join(work, "missing")), nativeFailure("SYSTEM", /No such file/));
  });

  it("holds a lock until release(), against others and itself", async () => {
    const path = join(work, "lock");
    const first = await lockFile(path, "exclusive");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(await tryLockFile(path), undefined);
    let got = false;
    const second = lockFile(path, "exclusive").then((lock) => {
      got = true;
      return lock;
    });
    await sleep(50);
    assert.equal(got, false);
    first.release();
    first.release();
    (await second).release();
    (await tryLockFile(path))?.release();
  });

  it("shares a shared lock", async () => {
    const path = join(work, "lock");
    const one = await lockFile(path, "shared");
    const two = await lockFile(path, "shared");
    assert.equal(await tryLockFile(path), undefined);
    one.release();
    assert.equal(await tryLockFile(path), undefined);
    two.release();
    const own = await tryLockFile(path);
    assert.ok(own);
    own.release();
  });

  it("many waiting locks hold up neither each other nor file access", async () => {
    const path = join(work, "lock");
    const first = await lockFile(path, "exclusive");
    const waiting = Array.from({ length: 16 }, () =>
      lockFile(path, "exclusive").then((lock) => {
        lock.release();
      }),
    );
    await syncFilesystem(work);
    const { readFile } = await import("node:fs/promises");
    await readFile(path);
    first.release();
    await Promise.all(waiting);
  });

  it("hands its lock to no child", async () => {
    const path = join(work, "lock");
    const lock = await lockFile(path, "exclusive");
    const child = spawn("sleep", ["5"]);
    lock.release();
    const again = await tryLockFile(path);
    child.kill();
    assert.ok(again, "a child kept the lock");
    again.release();
  });
});
