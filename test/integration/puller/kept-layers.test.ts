import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Digest } from "../../../oci/digest.js";
import { parseReference } from "../../../oci/reference.js";
import { openLocalStore } from "../../../puller/index.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { PROJECT } from "../../helpers/project.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { sha256, smallImage, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";
import { waitUntil } from "../../helpers/wait-until.js";

const DAY_MS = 24 * 3600_000;

describe("a pull after one that failed", () => {
  let registry: ScriptedRegistry;
  let state: StateRoot;
  let image: SmallImage;
  let good: Digest;
  let bad: Digest;

  before(async () => {
    image = await smallImage([[{ name: "a", content: "first" }], [{ name: "b", content: "second, and longer" }]]);
    [good, bad] = image.layers.map(({ digest }) => digest) as [Digest, Digest];
  });
  beforeEach(async () => {
    state = new StateRoot();
    registry = await new ScriptedRegistry().start();
    registry.image = image;
  });
  afterEach(async () => {
    await registry.stop();
    await state.remove();
  });

  // One layer at a time, the longest first: the good one is whole when the other fails, if it is the longer one.
  const pull = (): Promise<{ id: string }> =>
    pullImage(state.root, parseReference(`${registry.address}/app:1`), {
      concurrency: 1,
      client: { limits: { attempts: 1, baseDelay: 5 } },
    });
  const kept = (): string[] => state.files().filter((path) => path.startsWith("content/kept/"));
  const fetched = (digest: Digest): number => registry.requests.filter((line) => line.endsWith(digest)).length;
  const failOnce = async (): Promise<void> => {
    [good, bad] = sizes(good) > sizes(bad) ? [good, bad] : [bad, good];
    registry.script = (request, response) => {
      if (request.url?.endsWith(bad) !== true) return false;
      response.writeHead(404).end();
      return true;
    };
    await assert.rejects(pull(), { code: "BLOB_UNKNOWN" });
    registry.script = () => false;
    assert.deepEqual(kept(), [`content/kept/${good.slice(7)}`]);
    assert.deepEqual(state.directories(), []);
  };
  const sizes = (digest: Digest): number => image.blobs.get(digest)?.byteLength ?? 0;

  it("does not fetch the layers again that were whole", async () => {
    await failOnce();
    assert.equal(sha256(readFileSync(join(state.root, kept()[0] ?? ""))), good);
    await pull();
    assert.equal(fetched(good), 1);
    assert.equal(fetched(bad), 2);
    assert.deepEqual(kept(), []);
    const store = openLocalStore(state.root);
    for (const { digest } of image.layers) assert.equal(store.content.size(digest), sizes(digest));
  });

  it("fetches a layer again whose bytes have been damaged meanwhile", async () => {
    await failOnce();
    writeFileSync(join(state.root, kept()[0] ?? ""), Buffer.alloc(sizes(good)));
    await pull();
    assert.equal(fetched(good), 2);
    assert.deepEqual(kept(), []);
    const store = openLocalStore(state.root);
    for (const { digest } of image.layers) assert.equal(sha256(store.content.read(digest)), digest);
  });

  it("goes on where one was killed", async () => {
    const order = [good, bad].sort((a, b) => sizes(b) - sizes(a)) as [Digest, Digest];
    registry.script = (request) => request.url?.endsWith(order[1]) === true;
    const script = `
      const [{ pullImage }, { parseReference }] = await Promise.all(
        ["puller/pull/pull-image.js", "oci/reference.js"].map((path) => import(${JSON.stringify(`${PROJECT}/dist/`)} + path)),
      );
      await pullImage(${JSON.stringify(state.root)}, parseReference("${registry.address}/app:1"), { concurrency: 1 });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    try {
      await waitUntil("the second layer is asked for", () => fetched(order[1]) === 1);
    } finally {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    registry.script = () => false;
    await pull();
    assert.equal(fetched(order[0]), 1);
    assert.deepEqual([...kept(), ...readdirSync(join(state.root, "staging"))], []);
  });

  it("sweeps what nobody has used for a day", async () => {
    await failOnce();
    const file = join(state.root, kept()[0] ?? "");
    const then = new Date(Date.now() - DAY_MS - 60_000);
    utimesSync(file, then, then);
    registry.image = await smallImage([[{ name: "other", content: "x" }]]);
    await pull();
    assert.deepEqual(kept(), []);
  });

  it("leaves alone what is younger", async () => {
    await failOnce();
    registry.image = await smallImage([[{ name: "other", content: "x" }]]);
    await pull();
    assert.equal(kept().length, 1);
  });

  it("two at once share what was kept, and both succeed", async () => {
    await failOnce();
    const [one, other] = await Promise.all([pull(), pull()]);
    assert.equal(one.id, other.id);
    assert.equal(fetched(good), 1);
    assert.deepEqual(readdirSync(join(state.root, "staging")), []);
    assert.deepEqual(kept(), []);
  });
});
