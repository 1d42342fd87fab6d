import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { cachedFixture } from "../../helpers/fixture-cache.js";

describe("the cache of test fixtures", () => {
  let cacheHome: string;
  const before = process.env["XDG_CACHE_HOME"];

  beforeEach(async () => {
    cacheHome = await mkdtemp(join(tmpdir(), "berth-cache-"));
    process.env["XDG_CACHE_HOME"] = cacheHome;
  });

  afterEach(async () => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    await rm(cacheHome, { recursive: true });
  });

  it("builds once for two that ask at the same time, and both see the finished fixture", async () => {
    let builds = 0;
    const build = async (directory: string): Promise<void> => {
      builds++;
      await sleep(50);
      await writeFile(join(directory, "file"), "content");
    };
    const paths = await Promise.all([cachedFixture("thing", build), cachedFixture("thing", build)]);
    assert.equal(builds, 1);
    for (const path of paths) assert.equal(await readFile(join(path, "file"), "utf8"), "content");
  });

  it("keeps nothing of a build that fails, and builds again when asked again", async () => {
    const failing = cachedFixture("thing", async (directory) => {
      await writeFile(join(directory, "half"), "");
      throw new Error("no mirror");
    });
    await assert.rejects(failing, /no mirror/);
    assert.deepEqual(await readdir(join(cacheHome, "berth")), ["thing.lock"]);
    assert.ok(existsSync(await cachedFixture("thing", async () => {})));
  });

  it("removes what a killed builder left", async () => {
    await mkdir(join(cacheHome, "berth/thing.partial-1"), { recursive: true });
    await cachedFixture("thing", async () => {});
    assert.deepEqual((await readdir(join(cacheHome, "berth"))).sort(), ["thing", "thing.lock"]);
  });
});
