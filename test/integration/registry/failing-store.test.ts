import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { BerthError } from "../../../oci/errors.js";
import { MediaType } from "../../../oci/media-types.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { documentOf, putManifest, randomContent } from "./support/content.js";
import { TestRegistry } from "./support/test-registry.js";

const IDLE_MS = 1000;

describe("registry on a store that fails or is slow", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let registry: TestRegistry;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-store-"));
    store = await FilesystemObjectStore.open(root);
    registry = await TestRegistry.start({ root, store });
  });

  afterEach(async () => {
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  const noSpace = (): BerthError => new BerthError("NO_SPACE", "no space left while testing");

  it("leaves no bytes of a blob to which no pointer could be written", async () => {
    const put = store.put.bind(store);
    store.put = async (key, bytes, options) => {
      if (key.startsWith("blobs/")) throw noSpace();
      await put(key, bytes, options);
    };
    const blob = randomContent(100_000);
    await registry.expect(507, "POST", `/v2/a/blobs/uploads/?digest=${blob.digest}`, {
      body: new Uint8Array(blob.bytes),
    });
    assert.deepEqual([registry.files("data"), registry.files(".staging")], [[], []]);
  });

  it("keeps the bytes of a blob whose pointer was written though its writer was told otherwise", async () => {
    const put = store.put.bind(store);
    store.put = async (key, bytes, options) => {
      await put(key, bytes, options);
      if (!key.startsWith("blobs/")) return;
      store.put = put;
      throw noSpace();
    };
    const blob = randomContent(100_000);
    const push = [`/v2/a/blobs/uploads/?digest=${blob.digest}`, { body: new Uint8Array(blob.bytes) }] as const;
    await registry.expect(507, "POST", ...push);
    await registry.expect(201, "POST", ...push);
    const answer = await registry.expect(200, "GET", `/v2/a/blobs/${blob.digest}`);
    assert.equal((await answer.arrayBuffer()).byteLength, 100_000);
  });

  it("keeps no file open for an upload whose place it cannot write down, and goes on with it later", async () => {
    const opened = (): string[] =>
      readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${root}/.staging/upload.`);
        } catch {
          return false;
        }
      });
    const blob = randomContent(1000);
    const body = new Uint8Array(blob.bytes);
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const location = started.headers.get("Location") ?? "";
    const put = store.put.bind(store);
    store.put = async (key, bytes, options) => {
      if (Buffer.from(bytes).toString().includes('"idle"')) throw noSpace();
      await put(key, bytes, options);
    };
    await registry.expect(507, "PATCH", location, { body });
    assert.deepEqual([opened(), registry.files(".staging")], [[], []]);
    store.put = put;
    await registry.expect(202, "PATCH", location, { body });
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`);
  });

  it("does not flood the store for a manifest that names thousands of others", async () => {
    const list = store.list.bind(store);
    let [running, most, all] = [0, 0, 0];
    store.list = async (query) => {
      most = Math.max(most, ++running);
      all++;
      try {
        return await list(query);
      } finally {
        running--;
      }
    };
    const manifests = Array.from({ length: 5000 }, (_, i) => ({
      mediaType: MediaType.ociManifest,
      digest: `sha256:${i.toString(16).padStart(64, "0")}`,
      size: 1,
    }));
    await putManifest(registry, "a", "b", documentOf(MediaType.ociIndex, { manifests }), 404);
    assert.ok(most <= 64, `${String(most)} listings at once`);
    assert.ok(all < 1000, `${String(all)} listings`);
  });

  it("does not cut a connection as idle while it commits the blob that came over it", async () => {
    const openUpload = store.openUpload.bind(store);
    store.openUpload = async (key, state) => {
      const writer = await openUpload(key, state);
      const complete = writer.complete.bind(writer);
      writer.complete = async () => {
        await sleep(2 * IDLE_MS);
        await complete();
      };
      return writer;
    };
    const impatient = await TestRegistry.start({ root, store, idleTimeoutMs: IDLE_MS });
    try {
      const blob = randomContent(1000);
      const body = new Uint8Array(blob.bytes);
      await impatient.expect(201, "POST", `/v2/a/blobs/uploads/?digest=${blob.digest}`, { body });
    } finally {
      await impatient.stop();
    }
  });
});
