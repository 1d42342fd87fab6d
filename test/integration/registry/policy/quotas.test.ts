import assert from "node:assert/strict";

import type { PolicyRule } from "../../../../registry/config/policy-section.js";
import { imageIn, pushBlob, putManifest, randomContent } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

const bytesRule = (bytes: number, scope: "repository" | "together" = "repository"): PolicyRule => ({
  repositories: ["a", "team/*"],
  quota: { bytes, scope },
});

describe("quotas", () => {
  let registry: TestRegistry;

  afterEach(async () => {
    await registry.stop();
  });

  it("refuse the bytes beyond them by every way, say how much is used, and keep nothing", async () => {
    registry = await TestRegistry.start({ policies: [bytesRule(1000)] });
    const [fits, more] = [randomContent(700), randomContent(400)];
    await pushBlob(registry, "a", fits);
    const body = (): RequestInit => ({ body: new Uint8Array(more.bytes) });
    const denied = await registry.expect(403, "POST", `/v2/a/blobs/uploads/?digest=${more.digest}`, body());
    const { errors } = (await denied.json()) as { errors: { code: string; detail: object }[] };
    assert.equal(errors[0]?.code, "DENIED");
    assert.deepEqual(errors[0].detail, { quota: "bytes", limit: 1000, used: 700, wanted: 400 });

    const upload = async (): Promise<string> =>
      (await registry.expect(202, "POST", "/v2/a/blobs/uploads/")).headers.get("Location") ?? "";
    await registry.expectError(403, "DENIED", "PUT", `${await upload()}?digest=${more.digest}`, body());
    const streamed = await upload();
    await registry.expectError(403, "DENIED", "PATCH", streamed, body());
    await registry.expect(404, "PUT", `${streamed}?digest=${more.digest}`);
    await pushBlob(registry, "b", more);
    await registry.expectError(403, "DENIED", "POST", `/v2/a/blobs/uploads/?mount=${more.digest}&from=b`);
    await registry.expect(404, "HEAD", `/v2/a/blobs/${more.digest}`);
    assert.deepEqual([registry.files("holds"), registry.files("uploads"), registry.files(".staging")], [[], [], []]);
  });

  it("count a blob once, take it again when full, and give back what is deleted", async () => {
    registry = await TestRegistry.start({ policies: [bytesRule(1000)] });
    const [full, other] = [randomContent(1000), randomContent(900)];
    await pushBlob(registry, "a", full);
    await pushBlob(registry, "a", full);
    await pushBlob(registry, "team/x", other);
    await registry.expect(403, "POST", `/v2/a/blobs/uploads/?mount=${other.digest}&from=team/x`);
    await registry.expect(202, "DELETE", `/v2/a/blobs/${full.digest}`);
    await registry.expect(201, "POST", `/v2/a/blobs/uploads/?mount=${other.digest}&from=team/x`);
  });

  it("may be had together", async () => {
    registry = await TestRegistry.start({ policies: [bytesRule(1000, "together")] });
    await pushBlob(registry, "a", randomContent(500));
    await pushBlob(registry, "team/x", randomContent(400));
    const more = randomContent(200);
    await registry.expect(403, "POST", `/v2/team/y/blobs/uploads/?digest=${more.digest}`, {
      body: new Uint8Array(more.bytes),
    });
    await pushBlob(registry, "elsewhere", more);
  });

  it("limit tags, but not pushes to those that are there", async () => {
    registry = await TestRegistry.start({
      policies: [{ repositories: ["a"], quota: { tags: 2, scope: "repository" } }],
    });
    const image = await imageIn(registry, "a");
    for (const tag of ["one", "two", "two"]) await putManifest(registry, "a", tag, image);
    await putManifest(registry, "a", "three", image, 403);
    await registry.expect(202, "DELETE", "/v2/a/manifests/one");
    await putManifest(registry, "a", "three", image);
  });

  it("are never exceeded by those who race through two registries on one store", async () => {
    const policies: PolicyRule[] = [{ repositories: ["a"], quota: { bytes: 5000, tags: 3, scope: "repository" } }];
    registry = await TestRegistry.start({ policies });
    const other = await TestRegistry.start({ policies, root: registry.directory });
    try {
      const blobs = Array.from({ length: 16 }, () => randomContent(1000));
      const pushed = await Promise.all(
        blobs.map(async ({ bytes, digest }, place) => {
          const init = { body: new Uint8Array(bytes) };
          return await (place % 2 === 0 ? registry : other).fetch(
            "POST",
            `/v2/a/blobs/uploads/?digest=${digest}`,
            init,
          );
        }),
      );
      const there = await Promise.all(
        blobs.map(async ({ digest }) => await other.fetch("HEAD", `/v2/a/blobs/${digest}`)),
      );
      const accepted = pushed.filter(({ status }) => status === 201).length;
      assert.ok(accepted <= 5, `${String(accepted)} of 5 were accepted`);
      assert.ok(pushed.every(({ status }) => status === 201 || status === 403));
      // What was acknowledged is there, and nothing else.
      assert.deepEqual(
        there.map(({ status }) => status),
        pushed.map(({ status }) => (status === 201 ? 200 : 404)),
      );

      await registry.reload(undefined, {
        policies: [{ repositories: ["a"], quota: { tags: 3, scope: "repository" } }],
      });
      const image = await imageIn(registry, "a");
      const tagged = await Promise.all(
        Array.from({ length: 8 }, async (_, place) => {
          const init = { body: new Uint8Array(image.bytes), headers: { "Content-Type": image.mediaType } };
          return await (place % 2 === 0 ? registry : other).fetch("PUT", `/v2/a/manifests/t${String(place)}`, init);
        }),
      );
      const { tags } = (await (await other.expect(200, "GET", "/v2/a/tags/list")).json()) as { tags: string[] };
      assert.equal(tags.length, tagged.filter(({ status }) => status === 201).length);
      assert.ok(tags.length <= 3, `${String(tags.length)} of 3 tags were accepted`);
      assert.deepEqual(registry.files("holds"), []);
    } finally {
      await other.stop();
    }
  });
});
