import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import {
  imageIn,
  pushBlob,
  putManifest,
  randomContent,
  type Content,
} from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

/**
 * A store that gave another number of bytes than it had been asked for (a proxy before a bucket that drops Range) had them sent
 * all the same, so that the surplus was the next answer on that connection; a manifest that had changed on its disk was served
 * as what it had been; and of a blob whose bytes were lost, 404, nobody heard.
 */
describe("bytes that are not those that were pushed", () => {
  let root: string;
  let store: FilesystemObjectStore;
  let registry: TestRegistry;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-damaged-"));
    store = await FilesystemObjectStore.open(root);
    // A fault of its own is no answer that openapi.yaml promises.
    registry = await TestRegistry.start({ root, store, observe: async (_ctx, next) => await next() });
  });

  afterEach(async () => {
    await registry.stop();
    rmSync(root, { recursive: true });
  });

  /** The file that holds these bytes. */
  const fileOf = ({ bytes }: Content): string => {
    const files = readdirSync(join(root, "data"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return files.find((path) => readFileSync(path).equals(bytes)) ?? assert.fail("no such file");
  };

  /** All that comes when a second request follows on the same connection, up to its end. */
  const twoAnswers = async (path: string, headers: string): Promise<string> => {
    const { hostname, port } = new URL(registry.url);
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: registry\r\n${headers}\r\n`);
    socket.write("GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n");
    await once(socket, "close");
    return Buffer.concat(chunks).toString("latin1");
  };

  for (const [what, length] of [
    ["more", 300],
    ["fewer", 50],
  ] as const) {
    it(`end the connection when they are ${what} than announced`, async () => {
      const blob = randomContent(1000);
      await pushBlob(registry, "app", blob);
      const open = store.open.bind(store);
      store.open = async (key) => await open(key, { start: 0, length });
      const answers = await twoAnswers(`/v2/app/blobs/${blob.digest}`, "Range: bytes=100-199\r\n");
      const [, ...rest] = answers.split("\r\n\r\n");
      assert.ok(rest.join("\r\n\r\n").length < 100, answers);
      assert.doesNotMatch(answers, /HTTP\/1\.1 200/);
    });
  }

  it("are told of when they are gone", async () => {
    const blob = randomContent(1000);
    await pushBlob(registry, "app", blob);
    rmSync(fileOf(blob));
    await registry.expectError(500, "UNKNOWN", "GET", `/v2/app/blobs/${blob.digest}`);
  });

  it("are no manifest", async () => {
    const image = await imageIn(registry, "app");
    await putManifest(registry, "app", "v1", image);
    writeFileSync(fileOf(image), image.bytes.toString().replace("schemaVersion", "schemaversion"));
    await registry.restart();
    for (const reference of ["v1", image.digest]) {
      await registry.expectError(500, "UNKNOWN", "GET", `/v2/app/manifests/${reference}`);
    }
  });
});
