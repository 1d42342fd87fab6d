import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { HostMemory } from "../../../../puller/pull/host-memory.js";

const MIRROR = "https://mirror.example";
const OTHER = "https://other.example";

describe("the memory of hosts that were out of reach", () => {
  let directory: string;
  let file: string;
  let now: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-hosts-"));
    file = join(directory, "state", "hosts.json");
    now = 1_000_000_000;
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const memory = (): HostMemory => new HostMemory(file, () => now);

  it("lasts ten minutes, or until the host is reached", () => {
    const own = memory();
    own.missed(MIRROR);
    own.missed(OTHER);
    own.reached(OTHER);
    assert.deepEqual([own.wasMissed(MIRROR), own.wasMissed(OTHER)], [true, false]);
    now += 10 * 60_000;
    assert.equal(own.wasMissed(MIRROR), false);
  });

  it("is left to other processes, and only what is new", () => {
    const first = memory();
    first.missed(OTHER);
    now += 600_000;
    first.missed(MIRROR);
    first.save();
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, "utf8")) as object), [MIRROR]);
    const second = memory();
    assert.equal(second.wasMissed(MIRROR), true);
    second.reached(MIRROR);
    second.save();
    assert.equal(memory().wasMissed(MIRROR), false);
    assert.deepEqual(readdirSync(join(directory, "state")), ["hosts.json"]);
  });

  it("writes nothing when there is nothing to say", () => {
    const own = memory();
    own.reached(MIRROR);
    own.save();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("does without a hint that is damaged, of the future, or cannot be written", () => {
    memory().missed(MIRROR);
    for (const text of ["{", "[1, 2]", "null", `{"${MIRROR}": "x"}`, `{"${MIRROR}": 2e9}`, `{"${MIRROR}": -1}`]) {
      rmSync(join(directory, "state"), { recursive: true, force: true });
      const own = memory();
      own.missed(OTHER);
      own.save();
      writeFileSync(file, text);
      assert.equal(memory().wasMissed(MIRROR), false, text);
    }
    writeFileSync(join(directory, "plain"), "");
    const lost = new HostMemory(join(directory, "plain", "hosts.json"));
    lost.missed(MIRROR);
    lost.save();
    assert.equal(lost.wasMissed(MIRROR), true);
  });
});
