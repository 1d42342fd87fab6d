import assert from "node:assert/strict";

import { MediaType } from "../../../../oci/media-types.js";
import { descriptorOf, documentOf, imageIn, putManifest, type Described } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

const TAGS = 10;
const RIVALS = 4;

describe("immutable tags", () => {
  const policies = [{ repositories: ["a"], immutableTags: ["v*"] }];
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await TestRegistry.start({ policies });
  });

  afterEach(async () => {
    await registry.stop();
  });

  it("name what they named first, and nothing else in any way", async () => {
    const [first, second] = [await imageIn(registry, "a"), await imageIn(registry, "a")];
    await putManifest(registry, "a", "v1", first);
    await putManifest(registry, "a", "v1", first);
    const denied = await putManifest(registry, "a", "v1", second, 409);
    const { errors } = (await denied.json()) as { errors: { code: string; message: string }[] };
    assert.equal(errors[0]?.code, "DENIED");
    assert.match(errors[0]?.message ?? "", /v1 is immutable/);
    await registry.expect(409, "PUT", `/v2/a/manifests/${second.digest}?tag=x&tag=v1`, {
      body: new Uint8Array(second.bytes),
      headers: { "Content-Type": second.mediaType },
    });
    const { headers } = await registry.expect(200, "HEAD", "/v2/a/manifests/v1");
    assert.equal(headers.get("Docker-Content-Digest"), first.digest);
    // What was refused has left nothing.
    await registry.expect(404, "HEAD", `/v2/a/manifests/${second.digest}`);
    await registry.expect(404, "HEAD", "/v2/a/manifests/x");
  });

  it("keep all that they are made of", async () => {
    const image = await imageIn(registry, "a");
    await putManifest(registry, "a", image.digest, image);
    const index: Described = documentOf(MediaType.ociIndex, { manifests: [descriptorOf(image)] });
    await putManifest(registry, "a", "v1", index);
    const { layers } = JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] };
    for (const reference of ["v1", index.digest, image.digest]) {
      await registry.expectError(409, "DENIED", "DELETE", `/v2/a/manifests/${reference}`);
    }
    await registry.expectError(409, "DENIED", "DELETE", `/v2/a/blobs/${layers[0]?.digest ?? ""}`);
    await registry.expect(200, "GET", `/v2/a/manifests/${image.digest}`);
  });

  it("leave other tags, repositories and manifests alone", async () => {
    for (const [name, tag] of [
      ["a", "latest"],
      ["b", "v1"],
    ] as const) {
      const [first, second] = [await imageIn(registry, name), await imageIn(registry, name)];
      await putManifest(registry, name, tag, first);
      await putManifest(registry, name, tag, second);
      await registry.expect(202, "DELETE", `/v2/${name}/manifests/${tag}`);
      await registry.expect(202, "DELETE", `/v2/${name}/manifests/${second.digest}`);
    }
  });

  it("go to exactly one of those who race for them, through two registries on one store", async () => {
    const other = await TestRegistry.start({ policies, root: registry.directory });
    try {
      const rivals: Described[] = [];
      for (let i = 0; i < RIVALS; i++) rivals.push(await imageIn(registry, "a"));
      for (let i = 0; i < TAGS; i++) {
        const tag = `v${String(i)}`;
        const answers = await Promise.all(
          rivals.map(async ({ bytes, mediaType }, place) => {
            const init = { body: new Uint8Array(bytes), headers: { "Content-Type": mediaType } };
            return await (place % 2 === 0 ? registry : other).fetch("PUT", `/v2/a/manifests/${tag}`, init);
          }),
        );
        const won = rivals.filter((_, place) => answers[place]?.status === 201);
        assert.deepEqual(answers.map(({ status }) => String(status)).sort(), ["201", "409", "409", "409"]);
        const { headers } = await other.expect(200, "HEAD", `/v2/a/manifests/${tag}`);
        assert.equal(headers.get("Docker-Content-Digest"), won[0]?.digest);
      }
    } finally {
      await other.stop();
    }
  });

  it("come and go with the rules, while the registry runs", async () => {
    const [first, second] = [await imageIn(registry, "a"), await imageIn(registry, "a")];
    await putManifest(registry, "a", "v1", first);
    await registry.reload(undefined, { policies: [] });
    await putManifest(registry, "a", "v1", second);
    await registry.reload(undefined, { policies });
    await putManifest(registry, "a", "v1", first, 409);
  });
});
