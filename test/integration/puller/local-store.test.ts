import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chainIdsOf } from "../../../oci/chain-id.js";
import { parseReference } from "../../../oci/reference.js";
import { importImage } from "../../../puller/build/import-image.js";
import { imageHistory, inspectImage, openLocalStore } from "../../../puller/index.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { smallImage, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

const PULL = fileURLToPath(new URL("../../../puller/pull/pull-image.js", import.meta.url));
const REFERENCE = fileURLToPath(new URL("../../../oci/reference.js", import.meta.url));

describe("the local store", () => {
  let registry: ScriptedRegistry;
  let state: StateRoot;
  let base: SmallImage;
  let above: SmallImage;

  before(async () => {
    const bottom = [
      { name: "etc/", type: "directory", mode: 0o711 },
      { name: "etc/a", content: "one" },
    ] as const;
    base = await smallImage([bottom]);
    above = await smallImage([bottom, [{ name: "etc/b", content: "three" }], [{ name: "etc/.wh.a" }]]);
  });
  beforeEach(async () => {
    state = new StateRoot();
    registry = await new ScriptedRegistry().start();
  });
  afterEach(async () => {
    await registry.stop();
    await state.remove();
  });

  const name = (repository: string): string => `${registry.address}/${repository}`;
  const pull = async (image: SmallImage, repository: string): Promise<{ unchanged: boolean }> => {
    registry.image = image;
    return pullImage(state.root, parseReference(name(repository)));
  };

  it("has Docker's overlay2 layout: links, lower directories topmost first, modes", async () => {
    await pull(above, "above");
    const store = openLocalStore(state.root);
    const stack = store.layers.stack(store.images.find(name("above")));
    assert.equal(stack.length, 3);
    for (const { cacheId, link } of stack) {
      assert.match(link, /^[A-Z0-9]{26}$/);
      assert.equal(readlinkSync(join(store.overlay.base, "l", link)), `../${cacheId}/diff`);
      assert.equal(statSync(store.overlay.paths(cacheId).directory).mode & 0o7777, 0o710);
    }
    const [bottom, middle, top] = stack;
    assert.deepEqual(store.overlay.lowerLinks(top?.cacheId ?? ""), [
      `l/${middle?.link ?? ""}`,
      `l/${bottom?.link ?? ""}`,
    ]);
    assert.equal(existsSync(store.overlay.paths(bottom?.cacheId ?? "").lowerFile), false);
    assert.equal(statSync(store.overlay.paths(top?.cacheId ?? "").work).mode & 0o7777, 0o700);
  });

  it("gives directories that a layer left out the metadata of the layer below", async () => {
    await pull(above, "above");
    const store = openLocalStore(state.root);
    const [, middle, top] = store.layers.stack(store.images.find(name("above")));
    for (const layer of [middle, top]) {
      const { diff } = store.overlay.paths(layer?.cacheId ?? "");
      assert.equal(statSync(join(diff, "etc")).mode & 0o7777, 0o711);
    }
    const whiteout = lstatSync(join(store.overlay.paths(top?.cacheId ?? "").diff, "etc/a"));
    assert.deepEqual([whiteout.isCharacterDevice(), whiteout.rdev], [true, 0]);
  });

  it("shares layers between images and keeps them until the last one goes", async () => {
    await pull(base, "base");
    registry.requests.length = 0;
    await pull(above, "above");
    assert.equal(registry.requests.filter((line) => line.includes(base.layers[0]?.digest ?? "")).length, 0);
    const { images } = openLocalStore(state.root);
    const [c1, c2, c3] = chainIdsOf(above.layers.map(({ diffId }) => diffId));
    assert.deepEqual((await images.remove(name("above"))).deleted, [above.config, c3, c2]);
    assert.equal(state.directories().length, 1);
    assert.deepEqual((await images.remove(base.config)).deleted, [base.config, c1]);
    assert.deepEqual(state.files(), ["image/overlay2/repositories.json"]);
    assert.deepEqual(state.directories(), []);
  });

  it("finds an image by name, whole ID, and unique prefix", async () => {
    await pull(base, "base");
    const { images } = openLocalStore(state.root);
    for (const form of [
      name("base"),
      `${name("base")}:latest`,
      base.config,
      base.config.slice(7),
      base.config.slice(7, 15),
    ]) {
      assert.equal(images.find(form).id, base.config);
    }
    assert.equal(images.find(`${name("base")}@${base.manifest}`).id, base.config);
    for (const form of ["nobody", "ffffffffffff0000", "sha256:0123456789"]) {
      assert.throws(() => images.find(form), { code: "IMAGE_UNKNOWN" });
    }
    assert.throws(() => images.find("No Name!"), { code: "REFERENCE_INVALID" });
  });

  it("untags while names are left, and refuses an ID with names in several repositories", async () => {
    await pull(base, "base");
    const { images } = openLocalStore(state.root);
    await images.tag(name("base"), "mine:1");
    await images.tag("mine:1", "mine:2");
    assert.deepEqual(await images.remove("mine:1"), { untagged: ["mine:1"], deleted: [] });
    await assert.rejects(images.remove(base.config), { code: "CONFLICT" });
    assert.equal((await images.remove(base.config, { force: true })).deleted.length, 2);
    assert.deepEqual(images.list(), []);
  });

  it("refuses to remove what a container uses; force takes the name, and never from under a running one", async () => {
    await pull(base, "base");
    const { images } = openLocalStore(state.root);
    const used = (running: boolean) => () => [{ containerId: "c".repeat(64), running }];
    await assert.rejects(images.remove(name("base"), { users: used(false) }), { code: "IMAGE_IN_USE" });
    await assert.rejects(images.remove(name("base"), { users: used(true), force: true }), { code: "IMAGE_IN_USE" });
    assert.deepEqual((await images.remove(name("base"), { users: used(false), force: true })).deleted, []);
    assert.equal(images.find(base.config).repoTags.length, 0);
  });

  it("cannot remove an image that somebody holds", async () => {
    await pull(base, "base");
    const store = openLocalStore(state.root);
    const hold = await store.hold();
    const removal = store.images.remove(name("base"));
    const first = await Promise.race([removal, new Promise((resolve) => setTimeout(resolve, 100, "waiting"))]);
    assert.equal(first, "waiting");
    hold.release();
    assert.equal((await removal).deleted.length, 2);
  });

  it("moves a name to a new image and keeps the old one without a name", async () => {
    await pull(base, "app");
    await pull(above, "app");
    const { images } = openLocalStore(state.root);
    assert.equal(images.find(name("app")).id, above.config);
    assert.deepEqual(images.find(base.config).repoTags, []);
  });

  it("inspects an image in Docker's shape and tells its history", async () => {
    await pull(above, "above");
    const store = openLocalStore(state.root);
    const image = store.images.find(name("above"));
    const inspection = inspectImage(store, image);
    assert.equal(inspection.Id, above.config);
    assert.deepEqual(inspection.RepoDigests, [`${name("above")}@${above.manifest}`]);
    assert.deepEqual(
      inspection.RootFS.Layers,
      above.layers.map(({ diffId }) => diffId),
    );
    assert.equal(inspection.Size, 8);
    assert.equal(inspection.GraphDriver.Data?.["LowerDir"]?.split(":").length, 2);
    const history = imageHistory(store, image);
    assert.deepEqual(
      history.map(({ createdBy, size }) => [createdBy, size]),
      [
        ["step 2", 0],
        ["step 1", 5],
        ["step 0", 3],
      ],
    );
    assert.deepEqual(
      history.map(({ id }) => id),
      [above.config, "<missing>", "<missing>"],
    );
  });

  it("two pulls at once fetch a layer once and agree", async () => {
    registry.image = above;
    const reference = parseReference(name("above"));
    const pulled = await Promise.all([pullImage(state.root, reference), pullImage(state.root, reference)]);
    assert.equal(pulled[0].id, pulled[1].id);
    for (const { digest } of above.layers) {
      assert.equal(registry.requests.filter((line) => line.endsWith(digest)).length, 1, digest);
    }
    assert.equal(state.directories().length, 3);
  });

  it("an image with the same layer twice is stacked twice", async () => {
    const again = { name: "again", content: "x" };
    const twice = await smallImage([[again], [{ name: "between" }], [again]]);
    await pull(twice, "twice");
    const store = openLocalStore(state.root);
    const stack = store.layers.stack(store.images.find(name("twice")));
    assert.equal(new Set(stack.map(({ cacheId }) => cacheId)).size, 3);
    assert.equal(readFileSync(join(store.overlay.paths(stack[2]?.cacheId ?? "").diff, "again"), "utf8"), "x");
  });

  it("an image without layers is an image", async () => {
    await pull(await smallImage([]), "empty");
    const store = openLocalStore(state.root);
    assert.deepEqual(store.layers.stack(store.images.find(name("empty"))), []);
    assert.equal(inspectImage(store, store.images.find(name("empty"))).GraphDriver.Data, null);
  });

  it("sweeps what a killed pull left, and leaves alone what a living one is at", async () => {
    registry.image = above;
    const last = above.layers[2]?.digest ?? "";
    const held = new Promise<void>((resolve) => {
      registry.script = (request) => {
        const isLast = request.url?.endsWith(last) === true;
        if (isLast) resolve();
        return isLast;
      };
    });
    const script = `import { pullImage } from ${JSON.stringify(PULL)};
      import { parseReference } from ${JSON.stringify(REFERENCE)};
      await pullImage(${JSON.stringify(state.root)}, parseReference(${JSON.stringify(name("above"))}));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    const unrelated = await smallImage([[{ name: "unrelated" }]]);
    try {
      await held;
      await pull(unrelated, "other");
      assert.equal(state.directories().length, 2, "the living session and the new layer");
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    registry.script = () => false;
    await pull(base, "another");
    assert.equal(state.directories().length, 2, "the layers of two images");
    assert.deepEqual(
      state.files().filter((file) => file.startsWith("staging")),
      [],
    );
  });

  it("sweeps a layer that was moved into place and never recorded", async () => {
    await pull(base, "base");
    const orphan = "ab".repeat(32);
    const { overlay } = openLocalStore(state.root);
    overlay.create(orphan);
    mkdirSync(join(state.root, "staging/dead"), { recursive: true });
    writeFileSync(join(state.root, "staging/dead/journal"), orphan);
    await pull(base, "again");
    assert.equal(existsSync(overlay.paths(orphan).directory), false);
    assert.equal(
      openLocalStore(state.root).layers.stack(openLocalStore(state.root).images.find(base.config)).length,
      1,
    );
  });

  it("keeps an image's name also when JavaScript has a meaning for it", async () => {
    const source = join(state.directory, "rootfs");
    mkdirSync(source);
    const id = await importImage(state.root, { source, reference: parseReference("constructor:1") });
    assert.deepEqual(openLocalStore(state.root).images.find("constructor:1").id, id);
  });

  it("reports a damaged repositories.json and a damaged config instead of working on", async () => {
    await pull(base, "base");
    const { images } = openLocalStore(state.root);
    writeFileSync(join(state.root, "image/overlay2/imagedb/content/sha256", base.config.slice(7)), "{}");
    assert.throws(() => images.find(name("base")), { code: "STORAGE" });
    writeFileSync(join(state.root, "image/overlay2/repositories.json"), '{"Repositories": ');
    assert.throws(() => images.list(), { code: "STORAGE" });
  });
});
