import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import type { ListQuery } from "../../../storage/object-store.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

const TAGS = 250;

describe("a page of tags on a store without stamps", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-pages-"));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it("takes no listing of all that there are", async () => {
    const store = await FilesystemObjectStore.open(root);
    Object.assign(store, { traits: { ...store.traits, staleForMs: 1000 } });
    const expected = Array.from({ length: TAGS }, (_, i) => `v${String(i).padStart(4, "0")}`);
    for (const tag of expected) {
      await store.put(`repos/a/tags/${tag}`, Buffer.from(`sha256:${"0".repeat(64)}`), { volatile: true });
    }
    const limits: (number | undefined)[] = [];
    const list = store.list.bind(store);
    store.list = async (query: ListQuery) => {
      if (query.prefix === "repos/a/tags/") limits.push(query.limit);
      return await list(query);
    };
    const registry = await TestRegistry.start({ root, store });
    try {
      const found: string[] = [];
      for (let path: string | undefined = "/v2/a/tags/list?n=100"; path !== undefined;) {
        const answer = await registry.expect(200, "GET", path);
        found.push(...((await answer.json()) as { tags: string[] }).tags);
        path = /^<(.+)>/.exec(answer.headers.get("Link") ?? "")?.[1];
      }
      assert.deepEqual(found, expected);
      assert.deepEqual(limits, [101, 101, 101]);
      const beyond = await registry.expect(200, "GET", "/v2/a/tags/list?n=5&last=w");
      assert.deepEqual(((await beyond.json()) as { tags: string[] }).tags, []);
    } finally {
      await registry.stop();
      await store.close();
    }
  });
});
