import assert from "node:assert/strict";
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

import { pack } from "tar-stream";

import { familiarReference, parseReference } from "../../../oci/reference.js";
import { openLocalStore } from "../../../puller/index.js";
import { importImage } from "../../../puller/build/import-image.js";
import { loadImage } from "../../../puller/load/load-image.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { pushSource } from "../../../puller/push/push-source.js";
import type { LayerProgress } from "../../../puller/install/layer-progress.js";
import { startRegistry, type RunningRegistry } from "../../../registry/index.js";
import { describeWith, program } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
import { layoutFiles, smallImage, tarOf, writeLayout, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

describe("push and pull with a registry", () => {
  let registry: RunningRegistry;
  let host: string;
  let storage: string;
  let state: StateRoot;
  let other: StateRoot;
  let image: SmallImage;

  before(async () => {
    image = await smallImage([
      [
        { name: "etc/", type: "directory" },
        { name: "etc/a", content: "1" },
      ],
      [{ name: "etc/b", content: Buffer.alloc(100_000, "berth ") }],
    ]);
  });
  beforeEach(async () => {
    state = new StateRoot();
    other = new StateRoot();
    storage = mkdtempSync(join(tmpdir(), "berth-registry-"));
    registry = await startRegistry({ root: storage });
    host = registry.url.replace("http://", "");
  });
  afterEach(async () => {
    await registry.close();
    // A request that its client has broken off may still be cleaning up.
    await rm(storage, { recursive: true, force: true, maxRetries: 10 });
    await state.remove();
    await other.remove();
  });

  const push = (source: string, name: string, onProgress?: (p: LayerProgress) => void): Promise<{ digest: string }> =>
    pushSource(state.root, source, parseReference(`${host}/${name}`), onProgress && { onProgress });
  const pull = (name: string, root = state.root): Promise<{ digest: string; id: string; unchanged: boolean }> =>
    pullImage(root, parseReference(`${host}/${name}`));
  const archive = async (files: Iterable<[string, Uint8Array]>, name: string, gzip = false): Promise<string> => {
    const path = join(state.directory, name);
    const tar = pack();
    for (const [entry, bytes] of files) tar.entry({ name: entry }, Buffer.from(bytes));
    tar.finalize();
    if (gzip) await pipeline(tar, createGzip(), createWriteStream(path));
    else await pipeline(tar, createWriteStream(path));
    return path;
  };

  it("an OCI layout directory, its tar and its gzipped tar come out with the digest they went in with", async () => {
    const layout = join(state.directory, "layout");
    writeLayout(image, layout, "v1");
    const tar = await archive(layoutFiles(image, "v1"), "layout.tar");
    const gzipped = await archive(layoutFiles(image, "v1"), "layout.tar.gz", true);
    for (const source of [layout, `${layout}:v1`, `oci:${layout}:v1`, tar, `oci-archive:${tar}:v1`, gzipped]) {
      const pushed = await push(source, "from-layout:1");
      assert.equal(pushed.digest, image.manifest, source);
    }
    const pulled = await pull("from-layout:1");
    assert.deepEqual([pulled.digest, pulled.id], [image.manifest, image.config]);
  });

  it("a docker save archive is pushed with its layers compressed and its image ID kept", async () => {
    const config = image.blobs.get(image.config) ?? new Uint8Array();
    const manifest = [
      {
        Config: `${image.config.slice(7)}.json`,
        RepoTags: ["example/app:saved"],
        Layers: image.layers.map((_, i) => `${String(i)}/layer.tar`),
      },
    ];
    const files: [string, Uint8Array][] = [
      ...image.layers.map(({ tar }, i): [string, Uint8Array] => [`${String(i)}/layer.tar`, tar]),
      [`${image.config.slice(7)}.json`, config],
      ["manifest.json", Buffer.from(JSON.stringify(manifest))],
    ];
    await push(await archive(files, "saved.tar"), "from-save:1");
    const pulled = await pull("from-save:1");
    assert.equal(pulled.id, image.config);
    const layer = openLocalStore(state.root).layers.stack(openLocalStore(state.root).images.find(pulled.id))[1];
    assert.equal(layer?.size, 100_000);
  });

  it("a pulled image is pushed elsewhere byte for byte, mounting what the registry has in another repository", async () => {
    const layout = join(state.directory, "layout");
    writeLayout(image, layout, "v1");
    await push(layout, "here:1");
    await pull("here:1");
    const states = new Map<string, string>();
    const pushed = await push(`${host}/here:1`, "there:2", ({ id, state: now }) => states.set(id, now));
    assert.equal(pushed.digest, image.manifest);
    for (const { digest } of image.layers) assert.equal(states.get(digest), "mounted");
    assert.ok(
      openLocalStore(state.root).images.find(image.config).repoDigests.includes(`${host}/there@${image.manifest}`),
    );
    await push(`${host}/here:1`, "there:2", ({ id, state: now }) => states.set(id, now));
    for (const { digest } of image.layers) assert.equal(states.get(digest), "exists");
  });

  it("an index is pushed with all its images, and each platform can be pulled", async () => {
    const arm = await smallImage([[{ name: "arm" }]], { os: "linux", architecture: "arm64" });
    const children = [image, arm].map(({ manifest, blobs }, i) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: manifest,
      size: blobs.get(manifest)?.byteLength,
      platform: { os: "linux", architecture: i === 0 ? "amd64" : "arm64" },
    }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: children }));
    const files = new Map([...layoutFiles(image, "x"), ...layoutFiles(arm, "x"), ["index.json", index] as const]);
    const pushed = await push(await archive(files, "index.tar"), "multi:1");
    for (const [architecture, { config }] of [
      ["amd64", image],
      ["arm64", arm],
    ] as const) {
      const root = architecture === "amd64" ? state.root : other.root;
      const platform = { os: "linux", architecture };
      const pulled = await pullImage(root, parseReference(`${host}/multi:1`), { platform });
      assert.deepEqual([pulled.id, pulled.digest], [config, pushed.digest]);
    }
  });

  it("an imported root filesystem keeps its ID on the way through a registry", async () => {
    const tar = await tarOf([
      { name: "bin/", type: "directory" },
      { name: "bin/true", mode: 0o755, content: "#!" },
    ]);
    const file = await archive([], "unused.tar").then(() => join(state.directory, "root.tar"));
    await pipeline([tar], createWriteStream(file));
    const reference = parseReference(`${host}/imported:1`);
    const id = await importImage(state.root, { source: file, reference, changes: ['CMD ["/bin/true"]'] });
    await push(`${host}/imported:1`, "imported:1");
    await openLocalStore(state.root).images.remove(id);
    const pulled = await pull("imported:1");
    assert.equal(pulled.id, id);
    const { config } = openLocalStore(state.root).images.find(id);
    assert.deepEqual(config.config?.Cmd, ["/bin/true"]);
    assert.match(config.history?.[0]?.comment ?? "", /^Imported from /);
  });

  it("a directory is imported with modes and links", async () => {
    const tree = join(state.directory, "tree");
    await runProgram("sh", [
      "-c",
      `mkdir -p ${tree}/d && echo x >${tree}/d/f && chmod 4751 ${tree}/d/f && ln ${tree}/d/f ${tree}/hard`,
    ]);
    const id = await importImage(state.root, { source: tree });
    const store = openLocalStore(state.root);
    const { diff } = store.overlay.paths(store.layers.stack(store.images.find(id))[0]?.cacheId ?? "");
    assert.equal(statSync(join(diff, "d/f")).mode & 0o7777, 0o4751);
    assert.equal(statSync(join(diff, "hard")).ino, statSync(join(diff, "d/f")).ino);
  });

  it("an archive is loaded under the name it has, and is pushed with the digest it had", async () => {
    const file = await archive(layoutFiles(image, "example/app:loaded"), "load.tar");
    const { id, references } = await loadImage(state.root, file);
    assert.deepEqual([id, references.map(familiarReference)], [image.config, ["example/app:loaded"]]);
    assert.equal((await push("example/app:loaded", "loaded:1")).digest, image.manifest);
  });

  it("an archive that lacks a blob, is cut off, or holds no image is refused and nothing is tagged", async () => {
    const files = layoutFiles(image, "v1");
    const lacking = await archive(files.slice(1), "lacking.tar");
    await assert.rejects(push(lacking, "bad:1"), { code: "MANIFEST_BLOB_UNKNOWN" });
    const whole = await archive(files, "whole.tar");
    const cut = join(state.directory, "cut.tar");
    await pipeline([readFileSync(whole).subarray(0, 1000)], createWriteStream(cut));
    await assert.rejects(push(cut, "bad:1"), { code: "ARCHIVE_INVALID" });
    await assert.rejects(push(await archive([["a", Buffer.from("b")]], "none.tar"), "bad:1"), {
      code: "ARCHIVE_INVALID",
    });
    await assert.rejects(push("./no-such-file", "bad:1"), { code: "ARCHIVE_INVALID" });
    await assert.rejects(push("nobody", "bad:1"), { code: "IMAGE_UNKNOWN" });
    await assert.rejects(pull("bad:1"), (error: Error & { code?: string }) => error.code === "MANIFEST_UNKNOWN");
  });

  it("an unpacked docker save archive gives away no file outside of its directory", async () => {
    const directory = join(state.directory, "unpacked");
    mkdirSync(directory);
    writeFileSync(join(state.directory, "secret"), "a file of this host");
    symlinkSync("../secret", join(directory, "link"));
    writeFileSync(join(directory, "config.json"), image.blobs.get(image.config) ?? "");
    writeFileSync(join(directory, "layer.tar"), image.layers[0]?.tar ?? "");
    symlinkSync("layer.tar", join(directory, "again.tar"));
    const pushWith = (Config: string, ...Layers: string[]): Promise<unknown> => {
      writeFileSync(join(directory, "manifest.json"), JSON.stringify([{ Config, RepoTags: null, Layers }]));
      return push(directory, "stolen:1");
    };
    for (const outside of ["../secret", "link"]) {
      await assert.rejects(pushWith("config.json", outside), { code: "ARCHIVE_INVALID" }, outside);
      await assert.rejects(pushWith(outside, "layer.tar"), { code: "ARCHIVE_INVALID" }, outside);
    }
    await pushWith("config.json", "layer.tar", "again.tar");
  });

  it("a layer whose bytes in the layout are not its digest's is refused by the registry", async () => {
    const files = layoutFiles(image, "v1").map(([name, bytes]): [string, Uint8Array] => {
      if (!name.endsWith(image.layers[1]?.digest.slice(7) ?? "")) return [name, bytes];
      return [name, Buffer.from(bytes).fill(1, 20, 30)];
    });
    await assert.rejects(push(await archive(files, "wrong.tar"), "bad:1"));
    await assert.rejects(pull("bad:1"));
  });

  describeWith([program("/usr/bin/skopeo")], "and skopeo", () => {
    const skopeo = (...args: string[]): Promise<string> => runProgram("skopeo", args);

    it("an image that skopeo pushed is pulled with its digest, and the other way round", async () => {
      const layout = join(state.directory, "layout");
      writeLayout(image, layout, "v1");
      await skopeo("copy", "-q", "--dest-tls-verify=false", `oci:${layout}:v1`, `docker://${host}/by-skopeo:1`);
      const pulled = await pull("by-skopeo:1");
      assert.deepEqual([pulled.digest, pulled.id], [image.manifest, image.config]);
      await push(`${host}/by-skopeo:1`, "by-berth:1");
      const theirs = JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${host}/by-berth:1`)) as {
        Digest: string;
      };
      assert.equal(theirs.Digest, image.manifest);
    });

    it("what skopeo wrote as Docker's schema 2 is pulled", async () => {
      const layout = join(state.directory, "layout");
      writeLayout(image, layout, "v1");
      const target = `docker://${host}/schema2:1`;
      await skopeo("copy", "-q", "--dest-tls-verify=false", "--format", "v2s2", `oci:${layout}:v1`, target);
      const { id } = await pull("schema2:1");
      const store = openLocalStore(state.root);
      const manifest = store.content.read(store.images.find(id).manifest ?? image.manifest).toString();
      assert.match(manifest, /vnd\.docker\.distribution\.manifest\.v2/);
    });

    it("an image of zstd layers is pushed and pulled", async () => {
      const layout = join(state.directory, "layout");
      writeLayout(image, layout, "v1");
      const packed = join(state.directory, "packed");
      const compression = ["--dest-compress", "--dest-compress-format", "zstd"];
      await skopeo("copy", "-q", ...compression, `oci:${layout}:v1`, `oci:${packed}:v1`);
      await push(packed, "zstd:1");
      const { id } = await pull("zstd:1");
      const store = openLocalStore(state.root);
      const found = store.images.find(id);
      assert.match(store.content.read(found.manifest ?? image.manifest).toString(), /tar\+zstd/);
      assert.deepEqual(
        found.config.rootfs.diff_ids,
        image.layers.map(({ diffId }) => diffId),
      );
    });
  });
});
