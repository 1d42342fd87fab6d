import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { SharedPause } from "../../../../registry/mirror/shared-pause.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";

const URL = "https://up.example";
const ELSEWHERE = "another-boot.1.1.1";

describe("the pause of an upstream that processes tell each other", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let wall: number;
  let steady: number;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-pause-"));
    store = await FilesystemObjectStore.open(root);
    [wall, steady] = [1_795_000_000_000, 1000];
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const pause = (url = URL): SharedPause =>
    new SharedPause(store, "up", url, pino({ level: "silent" }), { wall: () => wall, steady: () => steady });

  const said = async (content: object | string): Promise<void> => {
    const text = typeof content === "string" ? content : JSON.stringify({ owner: ELSEWHERE, url: URL, ...content });
    await store.put("pauses/up", Buffer.from(text));
  };

  const pass = (ms: number): void => {
    wall += ms;
    steady += ms;
  };

  it("is heard of within a second, and is over when it is over", async () => {
    const own = pause();
    assert.equal(await own.left(), 0);
    await said({ until: wall + 5000 });
    assert.equal(await own.left(), 0);
    pass(1000);
    assert.equal(await own.left(), 4000);
    pass(4000);
    assert.equal(await own.left(), 0);
  });

  it("gets no longer when a clock is set back, and is never longer than five minutes", async () => {
    await said({ until: wall + 5000 });
    const own = pause();
    assert.equal(await own.left(), 5000);
    wall -= 3600_000;
    steady += 2000;
    assert.equal(await own.left(), 3000);
    await said({ until: wall + 1e9 });
    steady += 1000;
    assert.equal(await own.left(), 300_000);
  });

  it("of this process, of a dead one, of another address, or damaged is none", async () => {
    await pause().tell(5000);
    assert.equal(await pause().left(), 0);
    const [boot = "", namespace = ""] = (
      JSON.parse((await store.get("pauses/up")).toString()) as { owner: string }
    ).owner.split(".");
    await said({ until: wall + 5000, owner: `${boot}.${namespace}.4194305.1` });
    assert.equal(await pause().left(), 0);
    await said({ until: wall + 5000 });
    assert.equal(await pause("https://other.example").left(), 0);
    for (const text of ["{", "null", "[]", "7"]) {
      await said(text);
      assert.equal(await pause().left(), 0, text);
    }
  });

  it("is taken back by who has told it, and leaves nothing", async () => {
    const own = pause();
    await own.tell(0);
    await own.tell(5000);
    await own.tell(0);
    assert.deepEqual(
      readdirSync(root).filter((name) => name !== ".staging"),
      [],
    );
  });

  it("is done without where the store fails", async () => {
    writeFileSync(join(root, "pauses"), "in the way");
    const own = pause();
    await own.tell(5000);
    assert.equal(await own.left(), 0);
  });
});
