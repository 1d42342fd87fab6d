import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { PROJECT } from "../../../helpers/project.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { contentOf, randomContent, type Content } from "../support/content.js";

interface Served {
  readonly child: ChildProcess;
  readonly url: string;
}

describe("registry with workers", () => {
  let root: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-workers-"));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(root, { recursive: true, maxRetries: 5 });
  });

  const start = (...flags: string[]): ChildProcess => {
    const args = ["registry", "serve", "--root", root, "--log-level", "fatal", ...flags];
    const child = spawn(process.execPath, [join(PROJECT, "dist/bin/berth.js"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    return child;
  };

  const serve = async (): Promise<Served> => {
    const child = start("--listen", "127.0.0.1:0", "--workers", "2");
    const [line] = (await once(child.stdout ?? assert.fail(), "data")) as [Buffer];
    const [url] = /http:\/\/\S+/.exec(line.toString()) ?? assert.fail(line.toString());
    return { child, url };
  };

  const workersOf = ({ pid }: ChildProcess): number[] =>
    readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8")
      .split(" ")
      .filter(Boolean)
      .map(Number);

  const bytesWritten = (pid: number): number =>
    Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/io`, "utf8"))?.[1]);

  const end = async (child: ChildProcess): Promise<unknown> => {
    const exited = once(child, "exit") as Promise<[number | null]>;
    child.kill("SIGTERM");
    return (await exited)[0];
  };

  /** In chunks, each on a connection of its own, so that both workers get to see the upload. */
  const pushInChunks = async (url: string, { bytes, digest }: Content): Promise<number> => {
    const headers = { Connection: "close" };
    const begun = await fetch(`${url}/v2/a/blobs/uploads/`, { method: "POST", headers });
    const location = new URL(begun.headers.get("Location") ?? "", url);
    for (let at = 0; at < bytes.length; at += 10_000) {
      const body = new Uint8Array(bytes.subarray(at, at + 10_000));
      const range = `${String(at)}-${String(at + body.length - 1)}`;
      const sent = await fetch(location, { method: "PATCH", body, headers: { ...headers, "Content-Range": range } });
      assert.equal(sent.status, 202, await sent.text());
    }
    const put = await fetch(`${location.href}?digest=${digest}`, { method: "PUT", headers });
    assert.equal(put.status, 201, await put.text());
    return put.status;
  };

  it("shares an address and its uploads among workers, and ends them all", async () => {
    const { child, url } = await serve();
    const workers = workersOf(child);
    assert.equal(workers.length, 2);
    const before = workers.map(bytesWritten);
    const took = (pid: number, i: number): boolean => bytesWritten(pid) - (before[i] ?? 0) > 50_000;
    const blobs: Content[] = [];
    // On a busy machine one of them may get less of the work for a while.
    while (!workers.every(took)) {
      const some = Array.from({ length: 4 }, () => randomContent(50_000));
      await Promise.all(some.map(async (blob) => await pushInChunks(url, blob)));
      blobs.push(...some);
    }
    for (const { digest, bytes } of blobs) {
      const answer = await fetch(`${url}/v2/a/blobs/${digest}`);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
    }
    assert.equal(await end(child), 0);
    for (const pid of workers) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });

  it("replaces a worker killed under load; the others go on, and every push that was answered is there", async () => {
    const { child, url } = await serve();
    const [first = 0, second = 0] = workersOf(child);
    const pushed: Content[] = [];
    const running = new AbortController();
    const pushing = Array.from({ length: 3 }, async () => {
      while (!running.signal.aborted) {
        const blob = randomContent(100_000);
        const body = new Uint8Array(blob.bytes);
        try {
          const answer = await fetch(`${url}/v2/a/blobs/uploads/?digest=${blob.digest}`, { method: "POST", body });
          if (answer.status === 201) pushed.push(blob);
        } catch {
          // It was the killed one's.
        }
      }
    });
    await waitUntil("a few pushes", () => pushed.length > 5);
    process.kill(first, "SIGKILL");
    const before = pushed.length;
    await waitUntil("the other worker goes on", () => pushed.length > before + 5);
    // The dead one is a child until its parent has been told.
    await waitUntil("a new worker", () => workersOf(child).filter((pid) => pid !== first).length === 2);
    assert.ok(workersOf(child).includes(second));
    running.abort();
    await Promise.all(pushing);
    for (const { digest } of pushed) {
      const answer = await fetch(`${url}/v2/a/blobs/${digest}`);
      assert.equal(contentOf(Buffer.from(await answer.arrayBuffer())).digest, digest);
    }
    assert.equal(await end(child), 0);
  });

  it("fails as one process does when it cannot serve, and says so once", async () => {
    const { child, url } = await serve();
    const second = start("--listen", new URL(url).host, "--workers", "2");
    let text = "";
    second.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(second, "close")) as [number];
    assert.deepEqual([code, /^berth: .* is in use[^\n]*\n$/.test(text)], [1, true], text);
    const wrong = start("--workers", "none");
    const [refused] = (await once(wrong, "close")) as [number];
    assert.equal(refused, 1);
    assert.equal(await end(child), 0);
  });
});
