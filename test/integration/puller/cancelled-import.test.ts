import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { importImage } from "../../../puller/build/import-image.js";
import { loadImage } from "../../../puller/load/load-image.js";
import { smallImage, tarOf, writeLayout } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

const IMPORT = fileURLToPath(new URL("../../../puller/build/import-image.js", import.meta.url));

describe("an import or load that is cancelled", () => {
  let state: StateRoot;

  beforeEach(() => {
    state = new StateRoot();
  });
  afterEach(async () => {
    await state.remove();
  });

  const signal = AbortSignal.abort();

  it("says so, and leaves nothing", async () => {
    const directory = join(state.directory, "rootfs");
    const tar = join(state.directory, "rootfs.tar");
    const layout = join(state.directory, "layout");
    mkdirSync(directory);
    writeFileSync(tar, await tarOf([{ name: "a", content: "1" }]));
    writeLayout(await smallImage([[{ name: "a", content: "1" }]]), layout, "v1");
    for (const source of [directory, tar]) {
      await assert.rejects(importImage(state.root, { source, signal }), { code: "ABORTED" }, source);
    }
    await assert.rejects(loadImage(state.root, layout, { signal }), { code: "ABORTED" });
    assert.deepEqual([...state.files(), ...state.directories()], []);
  });

  it("does not wait for standard input", async () => {
    const script = `
      const { importImage } = await import(${JSON.stringify(IMPORT)});
      const signal = AbortSignal.timeout(200);
      await importImage(${JSON.stringify(state.root)}, { source: "-", signal }).catch((error) => console.log(error.code));
      process.exit();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
      timeout: 240_000,
    });
    const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
    assert.equal(said, "ABORTED\n");
    assert.deepEqual([...state.files(), ...state.directories()], []);
  });
});
