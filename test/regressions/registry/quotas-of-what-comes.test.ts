import assert from "node:assert/strict";

import { randomContent } from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

const LIMIT = 100_000;
const FLOOD = 400;

/** Chunks without end, of a body whose length nobody announces. */
function flood(): RequestInit {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === FLOOD) controller.close();
      else controller.enqueue(new Uint8Array(64 * 1024).fill(++sent & 255));
    },
  });
  return { body, duplex: "half" };
}

/** Only a commit was held against the quota: chunks, and bodies without a length, could fill the store beyond any quota. */
describe("a quota of bytes", () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    const quota = { bytes: LIMIT, scope: "repository" as const };
    registry = await TestRegistry.start({ policies: [{ repositories: ["a"], quota }] });
  });

  afterEach(async () => {
    await registry.stop();
  });

  const start = async (): Promise<string> =>
    (await registry.expect(202, "POST", "/v2/a/blobs/uploads/")).headers.get("Location") ?? "";
  const { digest } = randomContent(1);

  for (const [what, method, path] of [
    ["a chunk", "PATCH", start],
    ["a last chunk", "PUT", async () => `${await start()}?digest=${digest}`],
    ["a blob in one request", "POST", async () => await Promise.resolve(`/v2/a/blobs/uploads/?digest=${digest}`)],
  ] as const) {
    it(`ends ${what} that has no length, and keeps nothing of it`, async () => {
      const init = flood();
      await registry.expectError(403, "DENIED", method, await path(), init);
      assert.deepEqual([registry.files("uploads"), registry.files(".staging")], [[], []]);
    });
  }

  it("counts the chunks of an upload together", async () => {
    const location = await start();
    const body = new Uint8Array(60_000);
    await registry.expect(202, "PATCH", location, { body });
    await registry.expectError(403, "DENIED", "PATCH", location, { body });
    await registry.expect(404, "GET", location);
    assert.deepEqual([registry.files("uploads"), registry.files(".staging")], [[], []]);
  });
});

/** The refusal named the other repositories that have the quota together, and what they hold. */
describe("a quota that several repositories have together", () => {
  it("does not tell who pushes to one of the others", async () => {
    const quota = { bytes: 1000, scope: "together" as const };
    const registry = await TestRegistry.start({ policies: [{ repositories: ["team/a", "team/secret-*"], quota }] });
    try {
      const answer = await registry.expect(403, "POST", "/v2/team/a/blobs/uploads/", { body: new Uint8Array(2000) });
      const text = await answer.text();
      assert.doesNotMatch(text, /secret|used/);
    } finally {
      await registry.stop();
    }
  });
});
