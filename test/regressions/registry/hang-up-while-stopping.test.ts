import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { BERTH } from "../../helpers/berth-host.js";
import { waitUntil } from "../../helpers/wait-until.js";

/** A certificate's renewal hook said `kill -HUP` while the registry was stopping: that killed it, and the push under way. */
describe("a SIGHUP while the registry lets requests end", () => {
  let root: string;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-hang-up-"));
  });

  afterEach(() => {
    child?.kill("SIGKILL");
    rmSync(root, { recursive: true, maxRetries: 5 });
  });

  for (const workers of ["1", "2"]) {
    it(`leaves a push its time (workers: ${workers})`, async () => {
      const flags = ["--root", root, "--listen", "127.0.0.1:0", "--workers", workers, "--log-level", "fatal"];
      const server = spawn(process.execPath, [BERTH, "registry", "serve", ...flags], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child = server;
      const ended = once(server, "exit");
      const [line] = (await once(server.stdout, "data")) as [Buffer];
      const url = new URL(/http:\/\/\S+/.exec(line.toString())?.[0] ?? assert.fail(line.toString()));
      const { headers } = await fetch(new URL("/v2/app/blobs/uploads/", url), { method: "POST" });

      const push = connect(Number(url.port), url.hostname);
      let answer = "";
      push.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      push.on("error", () => undefined);
      const head = `PATCH ${headers.get("Location") ?? ""} HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n`;
      push.write(`${head}Expect: 100-continue\r\n\r\nhello`);
      await waitUntil("the push has begun", () => answer.includes("100 Continue"));
      server.kill("SIGTERM");
      for (let refused = false; !refused;) refused = await isRefused(url);
      server.kill("SIGHUP");
      push.write("world");
      await once(push, "close");
      assert.match(answer, / 202 /);
      assert.deepEqual(await ended, [0, null]);
    });
  }
});

async function isRefused({ hostname, port }: URL): Promise<boolean> {
  const probe = connect(Number(port), hostname);
  try {
    await once(probe, "connect");
    return false;
  } catch {
    return true;
  } finally {
    probe.destroy();
  }
}
