import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { BERTH } from "../../helpers/berth-host.js";

/** The first record that the disk had no room for ended the process. */
describe("a registry whose log cannot be written", () => {
  let root: string;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-log-"));
  });

  afterEach(() => {
    child?.kill("SIGKILL");
    rmSync(root, { recursive: true, maxRetries: 5 });
  });

  it("goes on serving", async () => {
    const full = openSync("/dev/full", "w");
    const flags = ["--root", root, "--listen", "127.0.0.1:0", "--log-level", "debug"];
    const server = spawn(process.execPath, [BERTH, "registry", "serve", ...flags], { stdio: ["ignore", "pipe", full] });
    child = server;
    closeSync(full);
    const ended = once(server, "exit");
    const [line] = (await once(server.stdout ?? assert.fail(), "data")) as [Buffer];
    const url = /http:\/\/\S+/.exec(line.toString())?.[0] ?? assert.fail(line.toString());
    for (let i = 0; i < 3; i++) {
      assert.equal((await fetch(`${url}/v2/app/blobs/uploads/`, { method: "POST" })).status, 202);
    }
    server.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  });
});
