import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseLogLine, parseLogTime } from "../../../engine/logs/json-log.js";
import { GrowingFile } from "../../../engine/logs/log-file.js";
import { openRotatedLog } from "../../../engine/logs/rotated-log.js";

describe("log of a container", () => {
  let directory = "";
  let path = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-log-"));
    path = join(directory, "log");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  async function read(tail?: number): Promise<string[]> {
    const file = await GrowingFile.open(path, tail);
    assert.ok(file);
    const lines: string[] = [];
    for await (const line of file.lines()) lines.push(line);
    await file.close();
    return lines;
  }

  it("the last lines are found across blocks, and a tail longer than the file is the whole file", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `${String(i)}${"x".repeat(90)}`);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
    assert.deepEqual(await read(), lines);
    for (const count of [1, 2, 700, 1500, 2999])
      assert.deepEqual(await read(count), lines.slice(-count), String(count));
    assert.equal((await read(5000)).length, 3000);
    assert.deepEqual(await read(0), []);
  });

  it("a line that is not finished yet waits for its end", async () => {
    writeFileSync(path, "one\ntw");
    const file = await GrowingFile.open(path, undefined);
    assert.ok(file);
    const next = async (): Promise<string[]> => {
      const lines: string[] = [];
      for await (const line of file.lines()) lines.push(line);
      return lines;
    };
    assert.deepEqual(await next(), ["one"]);
    appendFileSync(path, "o\nthree\n");
    assert.deepEqual(await next(), ["two", "three"]);
    await file.close();
  });

  it("a log of one file that was emptied is read on from its beginning", async () => {
    writeFileSync(path, "one\ntwo\nthree\n");
    const file = await GrowingFile.open(path, undefined);
    assert.ok(file);
    for await (const line of file.lines()) assert.ok(line);
    writeFileSync(path, "four\n");
    const lines: string[] = [];
    for await (const line of file.lines()) lines.push(line);
    await file.close();
    assert.deepEqual(lines, ["four"]);
  });

  it("rotated files are part of it, oldest first, also for a tail and for one who follows", async () => {
    const rotated = async (start: { tail?: number; after?: number }): Promise<string[]> => {
      const lines: string[] = [];
      for (const file of await openRotatedLog(path, start)) {
        for await (const line of file.lines()) lines.push(line);
        await file.close();
      }
      return lines;
    };
    assert.deepEqual(await rotated({}), []);
    writeFileSync(`${path}.2`, "1\n2\n");
    writeFileSync(`${path}.1`, "3\n4\n");
    assert.deepEqual(await rotated({}), ["1", "2", "3", "4"]);
    writeFileSync(path, "5\n");
    assert.deepEqual(await rotated({}), ["1", "2", "3", "4", "5"]);
    assert.deepEqual(await rotated({ tail: 0 }), []);
    assert.deepEqual(await rotated({ tail: 1 }), ["5"]);
    assert.deepEqual(await rotated({ tail: 4 }), ["2", "3", "4", "5"]);
    assert.deepEqual(await rotated({ tail: 9 }), ["1", "2", "3", "4", "5"]);
    assert.deepEqual(await rotated({ after: statSync(`${path}.2`).ino }), ["3", "4", "5"]);
    assert.deepEqual(await rotated({ after: statSync(path).ino }), []);
  });

  it("a line that a crash cut short is passed over", () => {
    assert.equal(parseLogLine('{"log":"x\\n","stream":"std'), undefined);
    assert.deepEqual(parseLogLine('{"log":"x\\n","stream":"stderr","time":"t"}'), {
      log: "x\n",
      stream: "stderr",
      time: "t",
    });
  });

  it("times: RFC 3339, dates, seconds, and how long ago", () => {
    const now = Date.parse("2026-01-02T00:00:00Z");
    assert.equal(parseLogTime("2026-01-01T00:00:00Z", now), now - 86_400_000);
    assert.equal(parseLogTime("2026-01-01", now), now - 86_400_000);
    assert.equal(parseLogTime("1767312000", now), now);
    assert.equal(parseLogTime("1h30m", now), now - 5_400_000);
    assert.throws(() => parseLogTime("yesterday", now), { code: "USAGE" });
  });
});
