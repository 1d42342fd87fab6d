import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { MediaType } from "../../../oci/media-types.js";
import { PROJECT } from "../../helpers/project.js";
import { contentOf, descriptorOf, documentOf, randomContent, type Content, type Described } from "./support/content.js";

const ROUNDS = 5;
const CLIENTS = 4;

const children: ChildProcess[] = [];

/** `berth registry serve` as its own process, on a port that the system chose. */
async function serve(root: string, ...flags: string[]): Promise<{ child: ChildProcess; url: string }> {
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--root", root, "--log-level", "error", ...flags];
  const child = spawn(process.execPath, [join(PROJECT, "dist/bin/berth.js"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
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

describe("registry process", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-kill-"));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(root, { recursive: true });
  });

  it("has every acknowledged push whole after kill -9, and nothing half-written", async () => {
    const blobs: Content[] = [];
    const manifests: Described[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { child, url } = await serve(root);
      const running = new AbortController();
      const pushing = Array.from({ length: CLIENTS }, async () => {
        while (!running.signal.aborted) {
          const blob = randomContent(200_000);
          const manifest = documentOf(MediaType.ociManifest, {
            config: descriptorOf({ ...blob, mediaType: MediaType.ociConfig }),
            layers: [],
          });
          try {
            const body = new Uint8Array(blob.bytes);
            const pushed = await fetch(`${url}/v2/a/blobs/uploads/?digest=${blob.digest}`, { method: "POST", body });
            if (pushed.status === 201) blobs.push(blob);
            const put = await fetch(`${url}/v2/a/manifests/t${String(manifests.length)}`, {
              method: "PUT",
              body: new Uint8Array(manifest.bytes),
              headers: { "Content-Type": manifest.mediaType },
            });
            if (put.status === 201) manifests.push(manifest);
          } catch {
            // The server was killed in the middle of it.
          }
        }
      });
      await sleep(150 + round * 100);
      await end(child, "SIGKILL");
      running.abort();
      await Promise.all(pushing);
    }
    assert.ok(blobs.length > 0 && manifests.length > 0);
    const { child, url } = await serve(root);
    for (const { digest, bytes } of blobs) {
      const answer = await fetch(`${url}/v2/a/blobs/${digest}`);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), digest);
    }
    for (const { digest, bytes } of manifests) {
      const answer = await fetch(`${url}/v2/a/manifests/${digest}`);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), digest);
    }
    // What is visible is whole, acknowledged or not.
    const { tags } = (await (await fetch(`${url}/v2/a/tags/list`)).json()) as { tags: string[] };
    for (const tag of tags) {
      const answer = await fetch(`${url}/v2/a/manifests/${tag}`);
      const { digest } = contentOf(Buffer.from(await answer.arrayBuffer()));
      assert.equal(answer.headers.get("Docker-Content-Digest"), digest);
    }
    for (const name of readdirSync(join(root, "repos/a/blobs/sha256"))) {
      const answer = await fetch(`${url}/v2/a/blobs/sha256:${name}`);
      assert.equal(contentOf(Buffer.from(await answer.arrayBuffer())).digest, `sha256:${name}`);
    }
    const staged = readdirSync(join(root, ".staging"));
    assert.deepEqual(
      staged.filter((name) => name.startsWith("put.")),
      [],
    );
    await end(child, "SIGTERM");
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
    await sleep(200);
    const exit = end(child, "SIGTERM");
    await sleep(200);
    await assert.rejects(fetch(`${url}/v2/`), "no new connection is taken");
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
