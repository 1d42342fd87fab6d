import assert from "node:assert/strict";

import { collectGarbage } from "../../../registry/collector/collect.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { bytesOf, imageIn, pushBlob, putManifest, randomContent } from "./support/content.js";
import { SmallDisk } from "./support/small-disk.js";
import { TestRegistry } from "./support/test-registry.js";

const DISK_KIB = 8 * 1024;
const LARGE = 5_000_000;

describe("registry on a disk that fills", () => {
  let disk: SmallDisk;
  let store: FilesystemObjectStore;
  let registry: TestRegistry;

  beforeEach(async () => {
    disk = new SmallDisk(DISK_KIB);
    store = await FilesystemObjectStore.open(disk.directory);
    registry = await TestRegistry.start({ root: disk.directory, store });
  });

  afterEach(async () => {
    await registry.stop();
    disk.remove();
  });

  const post = async ({ digest, bytes }: ReturnType<typeof randomContent>): Promise<Response> =>
    await registry.fetch("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { body: new Uint8Array(bytes) });

  it("says so in the middle of a push, keeps nothing of it, and takes pushes again as soon as there is room", async () => {
    const [first, second] = [randomContent(LARGE), randomContent(LARGE)];
    await pushBlob(registry, "a", first);
    const refused = await registry.expectError(
      507,
      "UNAVAILABLE",
      "POST",
      `/v2/a/blobs/uploads/?digest=${second.digest}`,
      {
        body: new Uint8Array(second.bytes),
      },
    );
    assert.equal(refused.headers.get("Location"), null);
    assert.deepEqual([registry.files(".staging"), registry.files("data").length], [[], 1]);
    // Reads and small pushes go on.
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", `/v2/a/blobs/${first.digest}`)), first.bytes);
    const image = await imageIn(registry, "a");
    await putManifest(registry, "a", "v1", image);
    await registry.expect(202, "DELETE", `/v2/a/blobs/${first.digest}`);
    await collectGarbage(store, { graceMs: 0 });
    await pushBlob(registry, "a", second);
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", `/v2/a/blobs/${second.digest}`)), second.bytes);
    await registry.expect(200, "GET", "/v2/a/manifests/v1");
  });

  it("lets one of the pushes that compete for the last room win, or none, and no half of any be seen", async () => {
    const blobs = [randomContent(LARGE), randomContent(LARGE), randomContent(LARGE)];
    const statuses = await Promise.all(blobs.map(async (blob) => (await post(blob)).status));
    assert.ok(
      statuses.every((status) => status === 201 || status === 507),
      statuses.join(),
    );
    assert.ok(statuses.filter((status) => status === 201).length <= 1, statuses.join());
    for (const [i, { digest }] of blobs.entries()) {
      await registry.expect(statuses[i] === 201 ? 200 : 404, "HEAD", `/v2/a/blobs/${digest}`);
    }
    assert.deepEqual(registry.files(".staging"), []);
    const [blob] = blobs;
    if (statuses.every((status) => status === 507) && blob) assert.equal((await post(blob)).status, 201);
  });

  it("keeps the place of an upload in chunks, which goes on when there is room again", async () => {
    const [first, second] = [randomContent(LARGE), randomContent(LARGE)];
    await pushBlob(registry, "a", first);
    const begun = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const place = begun.headers.get("Location") ?? "";
    const half = 1_000_000;
    await registry.expect(202, "PATCH", place, { body: new Uint8Array(second.bytes.subarray(0, half)) });
    const rest = { body: new Uint8Array(second.bytes.subarray(half)) };
    await registry.expectError(507, "UNAVAILABLE", "PATCH", place, rest);
    const status = await registry.expect(204, "GET", place);
    assert.equal(status.headers.get("Range"), `0-${String(half - 1)}`);
    await registry.expect(202, "DELETE", `/v2/a/blobs/${first.digest}`);
    await collectGarbage(store, { graceMs: 0 });
    await registry.expect(202, "PATCH", place, rest);
    await registry.expect(201, "PUT", `${place}?digest=${second.digest}`);
  });
});
