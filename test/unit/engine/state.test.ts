import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { checkContainerName, ContainerNames } from "../../../engine/state/container-names.js";
import { generateName } from "../../../engine/state/generated-name.js";
import { identifyProcess, isAlive } from "../../../engine/state/process-identity.js";
import { readStateFile, writeStateFile } from "../../../engine/state/state-file.js";
import { UnfinishedWork } from "../../../engine/state/unfinished-work.js";

const [A, B] = ["a".repeat(64), "b".repeat(64)];

describe("state of containers on disk", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-state-"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("a name goes to the first who takes it, and only its holder gives it back", () => {
    const names = new ContainerNames(join(directory, "names"));
    assert.equal(names.take("one", A), true);
    assert.equal(names.take("one", B), false);
    names.release("one", B);
    assert.equal(names.holder("one"), A);
    names.releaseAllOf(A);
    assert.equal(names.take("one", B), true);
  });

  it("a name cannot be a path, whoever asks", () => {
    symlinkSync("elsewhere", join(directory, "outside"));
    const names = new ContainerNames(join(directory, "names"));
    assert.equal(names.holder("../outside"), undefined);
    for (const name of ["..", "../outside", "a/b", ".a", "a\nb", "x".repeat(256)]) {
      assert.throws(() => checkContainerName(name), { code: "NAME_INVALID" }, name);
    }
    assert.equal(checkContainerName("/slash.ok-1"), "slash.ok-1");
  });

  it("generated names are valid, and later attempts have a number", () => {
    for (let attempt = 0; attempt < 12; attempt++) {
      const name = generateName(attempt);
      assert.equal(checkContainerName(name), name);
      assert.match(name, attempt < 2 ? /^[a-z]+_[a-z]+$/ : /^[a-z]+_[a-z]+\d+$/);
    }
  });

  it("a state file is replaced whole, and a missing one is undefined", () => {
    const path = join(directory, "state.json");
    assert.equal(readStateFile(path), undefined);
    for (const durable of [true, false]) {
      writeStateFile(path, { durable }, durable);
      assert.deepEqual(readStateFile(path), { durable });
    }
    assert.deepEqual(readdirSync(directory), ["state.json"]);
  });

  it("work is abandoned when its process has gone, not while it is there", () => {
    const notes = join(directory, "unfinished");
    const work = new UnfinishedWork(notes);
    assert.deepEqual(work.abandoned(), []);
    work.note(A);
    assert.deepEqual(work.abandoned(), []);
    writeFileSync(join(notes, B), JSON.stringify({ pid: process.pid, startTime: 1 }));
    assert.deepEqual(work.abandoned(), [B]);
    writeFileSync(join(notes, B), "");
    assert.deepEqual(work.abandoned(), [B]);
    work.finished(B);
    work.finished(B);
    assert.equal(existsSync(join(notes, B)), false);
  });

  it("a process is known by pid and start time", () => {
    const self = identifyProcess(process.pid);
    assert.ok(self);
    assert.equal(isAlive(self), true);
    assert.equal(isAlive({ ...self, startTime: self.startTime + 1 }), false);
    assert.equal(isAlive({ pid: 0, startTime: 0 }), false);
  });
});
