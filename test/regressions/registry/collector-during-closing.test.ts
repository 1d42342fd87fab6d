import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { collectGarbage } from "../../../registry/collector/collect.js";
import { blobClaimsOf, BlobStore, type BlobPointer } from "../../../registry/storage/blob-store.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { WriteOnceRegister } from "../../../registry/storage/write-once-register.js";
import { UploadRegistry } from "../../../registry/uploads/upload-registry.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { gate } from "../../integration/registry/replicas/gate.js";
import { randomContent, type Content } from "../../integration/registry/support/content.js";

const HOUR_MS = 3600_000;

/** The store, with something that happens first when one of its methods is called. */
function before(store: ObjectStore, method: "open" | "list", act: (key: string) => Promise<void>): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const bound = value.bind(target) as (...args: unknown[]) => unknown;
      if (name !== method) return bound;
      return async (...args: [string | { readonly prefix: string }]) => {
        const [first] = args;
        await act(typeof first === "string" ? first : first.prefix);
        return await bound(...args);
      };
    },
  });
}

describe("a collector that begins while an upload is read back", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-closing-"));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** One process receives the bytes, another one closes the upload, and must read them to know their digest. */
  async function close({ bytes, digest }: Content, collectMeanwhile: () => Promise<void>): Promise<BlobStore> {
    const [first, second] = [await FilesystemObjectStore.open(root), await FilesystemObjectStore.open(root)];
    const receiving = new UploadRegistry(first, new BlobStore(first));
    const id = await receiving.start("a", "sha256");
    const held = await receiving.acquire("a", id);
    await held.session.open();
    await held.session.write(bytes);
    await held.leave();
    await receiving.close();
    let collected = false;
    const watched = before(second, "open", async (key) => {
      if (collected || !key.startsWith("data/")) return;
      collected = true;
      await collectMeanwhile();
    });
    const blobs = new BlobStore(watched);
    const closing = new UploadRegistry(watched, blobs);
    await (await closing.acquire("a", id)).commit(digest);
    assert.ok(collected, "the bytes were read back");
    return blobs;
  }

  it("keeps a blob that is acknowledged meanwhile", async () => {
    const blob = randomContent(1000);
    const looked = gate();
    const committed = gate();
    let listings = 0;
    let collecting: Promise<unknown> = Promise.resolve();
    const blobs = await close(blob, async () => {
      const store = before(await FilesystemObjectStore.open(root), "list", async (prefix) => {
        // The first listing of the parts of data/ is what the collector begins with, the second one is what it ends with.
        if (prefix !== "data/" || ++listings < 2) return;
        looked.open();
        await committed.opened;
      });
      collecting = collectGarbage(store, { graceMs: HOUR_MS });
      await Promise.race([looked.opened, collecting]);
    });
    committed.open();
    await collecting;
    assert.equal(await blobs.stat("a", blob.digest), blob.bytes.length);
    await (await blobs.open("a", blob.digest)).close();
  });

  it("leaves no claim of bytes that turn out to be others", async () => {
    const blob = randomContent(1000);
    const { digest } = randomContent(1);
    await assert.rejects(
      close({ bytes: blob.bytes, digest }, async () => {
        const store = await FilesystemObjectStore.open(root);
        await collectGarbage(store, { graceMs: HOUR_MS });
      }),
      { code: "DIGEST_INVALID" },
    );
    const store = await FilesystemObjectStore.open(root);
    assert.deepEqual((await store.list({ prefix: "data/" })).keys, []);
    const pointer = await new WriteOnceRegister<BlobPointer>(store, keys.blob(digest)).read();
    assert.deepEqual(blobClaimsOf(pointer?.value), []);
  });
});
