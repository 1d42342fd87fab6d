import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { MirrorRig } from "../../integration/registry/mirror/support/mirror-rig.js";
import { gate } from "../../integration/registry/replicas/gate.js";
import { bytesOf } from "../../integration/registry/support/content.js";

/** Who came while a transfer that had failed was being cleaned up took part in it, and was cut off at once. */
describe("a client of a cold blob whose transfer has just failed", () => {
  it("gets it by another one", async () => {
    const root = mkdtempSync(join(tmpdir(), "berth-failed-fetch-"));
    const store = await FilesystemObjectStore.open(root);
    const [cleaning, cleaned] = [gate(), gate()];
    const openUpload = store.openUpload.bind(store);
    store.openUpload = async (...args) => {
      const writer = await openUpload(...args);
      const abort = writer.abort.bind(writer);
      writer.abort = async () => {
        cleaning.open();
        await cleaned.opened;
        await abort();
      };
      return writer;
    };
    const rig = await MirrorRig.start({ layer: randomBytes(300_000), registry: { store, root } });
    try {
      rig.upstream.script = ({ url = "", method }, response) => {
        if (method !== "GET" || !url.endsWith(rig.layer)) return false;
        const wrong = Buffer.from(rig.layerBytes);
        wrong[1000] = (wrong[1000] ?? 0) ^ 1;
        response.writeHead(200, { "content-length": wrong.length }).end(wrong);
        return true;
      };
      const first = rig.mirror.fetch("GET", rig.layerPath).then(bytesOf);
      await assert.rejects(first);
      await cleaning.opened;
      rig.upstream.script = () => false;
      const second = rig.mirror.fetch("GET", rig.layerPath);
      // Long enough for it to have joined, had it been let.
      await Promise.race([second.catch(() => undefined), rig.mirror.expect(200, "GET", "/v2/")]);
      cleaned.open();
      assert.deepEqual(await bytesOf(await second), rig.layerBytes);
    } finally {
      cleaned.open();
      await rig.stop();
      await store.close();
      rmSync(root, { recursive: true });
    }
  });
});
