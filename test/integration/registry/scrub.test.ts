import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../oci/errors.js";
import { MediaType } from "../../../oci/media-types.js";
import type { ScrubFinding, ScrubSummary } from "../../../registry/scrub/findings.js";
import { scrub, type ScrubOptions } from "../../../registry/scrub/scrub.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { PROJECT } from "../../helpers/project.js";
import { bytesOf, descriptorOf, documentOf, imageIn, pushBlob, putManifest, randomContent } from "./support/content.js";
import type { Content, Described } from "./support/content.js";
import { TestRegistry } from "./support/test-registry.js";

describe("scrub", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let registry: TestRegistry;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-scrub-"));
    store = await FilesystemObjectStore.open(root);
    registry = await TestRegistry.start({ root, store });
  });

  afterEach(async () => {
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  const run = async (options: Partial<ScrubOptions> = {}): Promise<{ found: string[]; summary: ScrubSummary }> => {
    const findings: ScrubFinding[] = [];
    const summary = await scrub(store, { onFinding: (finding) => findings.push(finding), ...options });
    assert.equal(summary.findings, findings.length);
    return { found: findings.map(({ kind, what }) => `${kind} ${what}`).sort(), summary };
  };

  /** The file that holds these bytes. */
  const fileOf = ({ bytes }: Content): string => {
    const files = readdirSync(join(root, "data"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return files.find((file) => readFileSync(file).equals(bytes)) ?? assert.fail("no such file");
  };

  const damage = (content: Content): string => {
    const file = fileOf(content);
    const bytes = Buffer.from(content.bytes);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    writeFileSync(file, bytes);
    return file;
  };

  const pushedImage = async (name: string, fields: object = {}): Promise<{ image: Described; layer: Content }> => {
    const layer = { mediaType: MediaType.ociLayerGzip, ...randomContent(300_000) };
    await pushBlob(registry, name, layer);
    const image = await imageIn(registry, name, { layers: [descriptorOf(layer)], ...fields });
    await putManifest(registry, name, "v1", image);
    return { image, layer };
  };

  const blobPath = (name: string, { digest }: Content): string => `/v2/${name}/blobs/${digest}`;

  it("finds nothing where everything is whole, and says how much that was", async () => {
    await pushedImage("a");
    await pushedImage("team/b");
    const { found, summary } = await run();
    assert.deepEqual(found, []);
    // imageIn pushes two layers besides.
    assert.deepEqual(
      { ...summary, bytes: summary.bytes > 600_000 },
      {
        blobs: 8,
        manifests: 2,
        tags: 2,
        links: 8,
        findings: 0,
        damage: 0,
        repaired: 0,
        bytes: true,
        complete: true,
      },
    );
    assert.deepEqual([registry.files("scrub"), registry.files("quarantine")], [[], []]);
  });

  it("serves a damaged blob no longer, and the next push makes it whole", async () => {
    const { layer } = await pushedImage("a");
    await registry.expect(201, "POST", `/v2/b/blobs/uploads/?mount=${layer.digest}&from=a`);
    const file = damage(layer);
    await registry.expect(200, "GET", blobPath("a", layer));
    const { found } = await run();
    const dead = ["a", "b"].map((name) => `dead-link ${name}@${layer.digest}`);
    const incomplete = found.filter((line) => line.startsWith("incomplete a@"));
    assert.deepEqual(found, [`damaged ${layer.digest}`, ...dead, ...incomplete].sort());
    assert.equal(incomplete.length, 1);
    for (const name of ["a", "b"]) {
      for (const method of ["HEAD", "GET"]) await registry.expect(404, method, blobPath(name, layer));
    }
    const kept = registry.files("quarantine/bytes");
    assert.equal(kept.length, 1);
    assert.throws(() => readFileSync(file), { code: "ENOENT" });
    await pushBlob(registry, "a", layer);
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", blobPath("a", layer))), layer.bytes);
    await registry.expect(404, "GET", blobPath("b", layer));
    assert.deepEqual((await run({ repair: true })).summary.repaired, 1);
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", blobPath("b", layer))), layer.bytes);
    assert.deepEqual(registry.files("quarantine"), []);
    // The links to the damaged bytes are the collector's.
    assert.deepEqual((await run()).summary.findings, 0);
  });

  it("finds a blob that was cut short and one that is gone; both can be pushed again", async () => {
    const [short, gone] = [randomContent(5000), randomContent(6000)];
    for (const blob of [short, gone]) await pushBlob(registry, "a", blob);
    writeFileSync(fileOf(short), short.bytes.subarray(0, 100));
    rmSync(fileOf(gone));
    const { found } = await run();
    assert.ok(found.includes(`damaged ${short.digest}`) && found.includes(`missing ${gone.digest}`), found.join());
    for (const blob of [short, gone]) {
      await registry.expect(404, "HEAD", blobPath("a", blob));
      await pushBlob(registry, "a", blob);
      assert.deepEqual(await bytesOf(await registry.expect(200, "GET", blobPath("a", blob))), blob.bytes);
    }
  });

  it("serves a damaged manifest no longer, keeps its layers, and the next push makes it whole", async () => {
    const { image, layer } = await pushedImage("a");
    await registry.expect(200, "GET", "/v2/a/manifests/v1");
    damage(image);
    const { found } = await run();
    assert.deepEqual(found, [`damaged a@${image.digest}`, "dangling a:v1"].sort());
    await registry.expect(404, "GET", `/v2/a/manifests/${image.digest}`);
    await registry.expect(200, "HEAD", blobPath("a", layer));
    await putManifest(registry, "a", image.digest, image);
    const answer = await registry.expect(200, "GET", "/v2/a/manifests/v1");
    assert.deepEqual(await bytesOf(answer), image.bytes);
    assert.deepEqual((await run()).found, []);
  });

  it("tells of manifests that name what is not there, and of tags that name nothing", async () => {
    const { image, layer } = await pushedImage("a");
    const index = documentOf(MediaType.ociIndex, { manifests: [descriptorOf(image)] });
    await putManifest(registry, "a", index.digest, index);
    await registry.expect(202, "DELETE", blobPath("a", layer));
    await store.put("repos/a/tags/odd", Buffer.from(`sha256:${"0".repeat(64)}`));
    assert.deepEqual((await run()).found, [`dangling a:odd`, `incomplete a@${image.digest}`].sort());
    await store.delete("repos/a/tags/odd");
    await registry.expect(202, "DELETE", `/v2/a/manifests/${image.digest}`);
    assert.deepEqual((await run()).found, [`incomplete a@${index.digest}`]);
  });

  it("changes nothing when it is only to look", async () => {
    const { image, layer } = await pushedImage("a");
    damage(layer);
    damage(image);
    const { found } = await run({ dryRun: true });
    assert.deepEqual(found, [`damaged ${layer.digest}`, `damaged a@${image.digest}`].sort());
    await registry.expect(200, "GET", blobPath("a", layer));
    assert.deepEqual((await run({ dryRun: true })).found, found);
    assert.deepEqual(registry.files("quarantine"), []);
  });

  it("goes on where it was interrupted, unless it is told to begin anew", async () => {
    for (let i = 0; i < 10; i++) await pushBlob(registry, "a", randomContent(1000));
    const interrupted = new AbortController();
    const open = store.open.bind(store);
    let opened = 0;
    store.open = async (key, range) => {
      if (++opened === 3) interrupted.abort();
      return await open(key, range);
    };
    const first = await run({ atOnce: 1, signal: interrupted.signal });
    assert.deepEqual([first.summary.blobs, first.summary.complete], [3, false]);
    const second = await run({ atOnce: 1 });
    assert.deepEqual([second.summary.blobs, second.summary.complete, second.summary.links], [7, true, 10]);
    assert.equal((await run()).summary.blobs, 10);
    assert.deepEqual(registry.files("scrub"), []);
  });

  it("takes a fault of the store for no damage, and goes on with the rest", async () => {
    const [bad, good] = [randomContent(1000), randomContent(1000)];
    for (const blob of [bad, good]) await pushBlob(registry, "a", blob);
    const key = fileOf(bad).slice(root.length + 1);
    const open = store.open.bind(store);
    store.open = async (asked, range) => {
      if (asked === key) throw new BerthError("STORAGE", "the disk does not answer");
      return await open(asked, range);
    };
    const { found, summary } = await run();
    assert.deepEqual([found, summary.blobs], [[`unreadable ${bad.digest}`], 2]);
    await registry.expect(200, "HEAD", blobPath("a", bad));
  });

  it("leaves alone what is deleted and pushed again while it reads", async () => {
    const { image, layer } = await pushedImage("a");
    const open = store.open.bind(store);
    let meddled = false;
    store.open = async (key, range) => {
      const body = await open(key, range);
      if (meddled) return body;
      meddled = true;
      await registry.expect(202, "DELETE", `/v2/a/manifests/${image.digest}`);
      await putManifest(registry, "a", "v1", image);
      return body;
    };
    assert.deepEqual((await run()).found, []);
    await registry.expect(200, "GET", blobPath("a", layer));
  });

  it("reads no faster than it was told", async () => {
    await pushBlob(registry, "a", randomContent(200_000));
    const started = performance.now();
    await run({ bytesPerSecond: 400_000 });
    assert.ok(performance.now() - started >= 400);
  });

  it("is a command that prints a line for each finding and exits with 1 when something is damaged", async () => {
    const berth = async (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
      const child = spawn(process.execPath, [join(PROJECT, "dist/bin/berth.js"), "registry", "scrub", ...args]);
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
    };
    const { image, layer } = await pushedImage("a");
    const whole = await berth("--root", root, "--rate", "1g");
    assert.deepEqual([whole.code, whole.out], [0, ""]);
    assert.match(whole.err, /^4 blobs, 1 manifests, 1 tags, 4 links \(\S+\): 0 findings\n$/);
    // As a deletion that was cut off leaves it, and a collector.
    const deleted = await imageIn(registry, "a", { layers: [] });
    await putManifest(registry, "a", deleted.digest, deleted);
    await registry.expect(202, "DELETE", `/v2/a/manifests/${deleted.digest}`);
    await store.put("repos/a/tags/old", Buffer.from(deleted.digest));
    const harmless = await berth("--root", root);
    assert.equal(harmless.code, 0);
    assert.equal(harmless.out, `dangling a:old names ${deleted.digest}, which was deleted; harmless\n`);
    assert.match(harmless.err, /: 1 findings \(1 harmless\)\n$/);
    await store.delete("repos/a/tags/old");
    damage(layer);
    const dry = await berth("--root", root, "--dry-run");
    assert.equal(dry.code, 1);
    assert.match(dry.out, new RegExp(`^damaged ${layer.digest} its 300000 bytes are those of sha256:[0-9a-f]{64}\n$`));
    const real = await berth("--root", root);
    assert.match(real.out, new RegExp(`^damaged ${layer.digest} .*; no longer served$`, "m"));
    await registry.expect(404, "GET", blobPath("a", layer));
    // What is left of a blob that has gone, when no manifest names it any more.
    await registry.expect(202, "DELETE", `/v2/a/manifests/${image.digest}`);
    const dead = await berth("--root", root);
    assert.match(dead.out, new RegExp(`^dead-link a@${layer.digest} .*; harmless\n$`));
    assert.equal(dead.code, 0);
    assert.equal((await berth("--root", root, "--rate", "0")).code, 1);
  });

  it("looks at each blob once, however many repositories have it and manifests name it", async () => {
    const { layer } = await pushedImage("a");
    for (const name of ["b", "c", "d"]) {
      await registry.expect(201, "POST", `/v2/${name}/blobs/uploads/?mount=${layer.digest}&from=a`);
    }
    const blob = keys.blob(layer.digest);
    const read: string[] = [];
    const [list, get, stat] = [store.list.bind(store), store.get.bind(store), store.stat.bind(store)];
    store.list = async (query) => {
      if (query.prefix === `${blob}/`) read.push("list");
      return await list(query);
    };
    store.get = async (key) => {
      if (key.startsWith(blob)) read.push("get");
      return await get(key);
    };
    store.stat = async (key) => {
      if (key.startsWith("repos/")) read.push("stat");
      return await stat(key);
    };
    const { summary } = await run();
    assert.deepEqual([summary.links, summary.findings], [7, 0]);
    assert.deepEqual(read, ["list", "get"]);
  });

  it("takes a blob of which nothing is known for lost", async () => {
    const { layer } = await pushedImage("a");
    for (const n of [1, 2]) await store.delete(keys.registerEntry(keys.blob(layer.digest), n));
    const { found, summary } = await run();
    assert.ok(found.includes(`dead-link a@${layer.digest}`));
    assert.equal(summary.damage, 2);
  });

  it("finds what is damaged under sha512 as well", async () => {
    const blob = randomContent(2000, "sha512");
    await pushBlob(registry, "a", blob);
    damage(blob);
    const { found } = await run();
    assert.ok(found.includes(`damaged ${blob.digest}`));
    await pushBlob(registry, "a", blob);
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", blobPath("a", blob))), blob.bytes);
  });
});
