import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { PROJECT } from "../../helpers/project.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { killAgainAndAgain, type ServingProcess } from "./kill-suite.js";
import { randomContent } from "./support/content.js";

const ROUNDS = 100;
/** So little that blobs of this test go both through the page cache and around it. */
const STRIPED_FROM_BYTES = 64 * 1024;

const children: ChildProcess[] = [];

/** `berth registry serve` as its own process, on a port that the system chose. */
async function serve(root: string, ...flags: string[]): Promise<{ child: ChildProcess; url: string }> {
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--root", root, "--log-level", "error", ...flags];
  const child = spawn(process.execPath, [join(PROJECT, "dist/bin/berth.js"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      BERTH_REGISTRY_STORAGE_FILESYSTEM_ROOT: root,
      BERTH_REGISTRY_STORAGE_FILESYSTEM_STRIPED_FROM: String(STRIPED_FROM_BYTES),
    },
  });
  children.push(child);
  assert.ok(child.stdout);
  const ended = once(child, "exit").then(([code]) => assert.fail(`it ended with ${String(code)}`));
  ended.catch(() => undefined);
  const [line] = (await Promise.race([once(child.stdout, "data"), ended])) as [Buffer];
  const [url] = /http:\/\/\S+/.exec(line.toString()) ?? assert.fail(line.toString());
  return { child, url };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, "exit") as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

/** Resolves when no new connection is taken. */
async function untilRefused(url: string): Promise<void> {
  for (;;) {
    const headers = { Connection: "close" };
    const answer = await fetch(`${url}/v2/`, { headers }).catch(() => undefined);
    if (answer === undefined) return;
    await answer.arrayBuffer().catch(() => undefined);
  }
}

describe("registry process", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-kill-"));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(root, { recursive: true });
  });

  it(`has every acknowledged push whole after ${String(ROUNDS)} kill -9, and nothing half-written`, async function () {
    this.timeout(ROUNDS * 20_000);
    const start = async (): Promise<ServingProcess> => {
      const { child, url } = await serve(root);
      return {
        url,
        kill: async () => {
          await end(child, "SIGKILL");
        },
      };
    };
    await killAgainAndAgain(start, ROUNDS, async () => await FilesystemObjectStore.open(root));
    // Opened once more, nothing is left of what the killed ones were writing but uploads that could go on.
    const staged = readdirSync(join(root, ".staging"));
    assert.deepEqual(
      staged.filter((name) => !name.startsWith("upload.")),
      [],
    );
  });

  it("lets a request end when it is told to stop, and exits with 0", async () => {
    const { child, url } = await serve(root);
    const blob = randomContent(100_000);
    let sendRest = (): void => undefined;
    const rest = new Promise<void>((resolve) => {
      sendRest = resolve;
    });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new Uint8Array(blob.bytes.subarray(0, 50_000)));
        await rest;
        controller.enqueue(new Uint8Array(blob.bytes.subarray(50_000)));
        controller.close();
      },
    });
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const pushing = fetch(`${url}/v2/a/blobs/uploads/?digest=${blob.digest}`, init);
    await waitUntil("it is being received", () => readdirSync(join(root, ".staging")).length > 0);
    const exit = end(child, "SIGTERM");
    await untilRefused(url);
    sendRest();
    assert.equal((await pushing).status, 201);
    assert.equal(await exit, 0);
  });

  it("names the address that is in use, the one it should not listen on, and every mistake of its configuration", async () => {
    const { child, url } = await serve(root);
    const run = async (env: Record<string, string>, ...flags: string[]): Promise<{ code: number; text: string }> => {
      const berth = spawn(
        process.execPath,
        [join(PROJECT, "dist/bin/berth.js"), "registry", "serve", "--root", root, ...flags],
        { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } },
      );
      let text = "";
      berth.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const [code] = (await once(berth, "close")) as [number];
      return { code, text };
    };
    const taken = await run({}, "--listen", new URL(url).host);
    assert.deepEqual([taken.code, /^berth: .* is in use.*\n$/.test(taken.text)], [1, true], taken.text);
    const open = await run({}, "--listen", "0.0.0.0:0");
    assert.deepEqual([open.code, open.text.includes("--insecure-no-auth")], [1, true], open.text);
    const wrong = await run({ BERTH_REGISTRY_LOG_LEVEL: "loud", BERTH_REGISTRY_LISTN: "x" }, "--listen", "here");
    assert.equal(wrong.code, 1);
    for (const word of ["BERTH_REGISTRY_LOG_LEVEL", "BERTH_REGISTRY_LISTN", "--listen"]) {
      assert.ok(wrong.text.includes(word), wrong.text);
    }
    await end(child, "SIGTERM");
  });
});
