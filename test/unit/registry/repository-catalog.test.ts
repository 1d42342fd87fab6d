import assert from "node:assert/strict";

import fc from "fast-check";

import { RepositoryCatalog } from "../../../registry/storage/repository-catalog.js";
import { directly } from "./collector/support/small-registry.js";
import { ObjectTable, type SteppedStore } from "./collector/support/stepped-store.js";

/** Few, so that names begin alike. */
const name = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", "/", "_", "0"), minLength: 1, maxLength: 6 }).map(
  // What no name has: an empty component, and a dot or a slash at its beginning.
  (text) => text.replaceAll(/\/+/g, "/").replaceAll(/^[./-]+|\/$/g, "") || "a",
);

describe("pages of the catalog of a bucket", () => {
  /** Its listings, which are all that a catalog asks for. */
  const bucketWith = (names: Iterable<string>, pageSize: number): { store: SteppedStore; listed: () => number } => {
    const groups = Array.from(names, (it) => `repos/${it.replaceAll("/", "!")}/`).sort();
    const traits = { conditionalCreate: true, staleForMs: 0, remote: true };
    const store = Object.assign(directly(new ObjectTable()), { traits });
    let count = 0;
    store.list = async ({ startAfter = "" }) => {
      count++;
      const rest = groups.filter((group) => group > startAfter);
      const prefixes = rest.slice(0, pageSize);
      const next = rest.length > pageSize ? prefixes.at(-1) : undefined;
      return await Promise.resolve({ keys: [], prefixes, ...(next !== undefined && { next }) });
    };
    return { store, listed: () => count };
  };

  it("have the names in ASCII order, from anywhere on, however few the store gives at a time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 25 }),
        fc.option(name, { nil: undefined }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        async (names, after, most, pageSize) => {
          const { store } = bucketWith(names, pageSize);
          const page = await new RepositoryCatalog(store).page({ most, without: "_", ...(after && { after }) });
          const wanted = names.sort().filter((it) => it > (after ?? "") && !it.startsWith("_"));
          assert.deepEqual(page, wanted.slice(0, most));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("cost a listing or a few each, however many repositories there are", async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `team-${String(i % 20)}/image${String(i)}`);
    names.push("team-3", "team-3-x", "team-3.y/z", "team-30");
    const { store, listed } = bucketWith(names, 1000);
    const catalog = new RepositoryCatalog(store);
    names.sort();
    for (const at of [0, 4321, names.indexOf("team-3") - 50, names.indexOf("team-30") - 50, 19_990]) {
      const before = listed();
      const after = names[at - 1];
      const page = await catalog.page({ most: 100, without: "_", ...(after !== undefined && { after }) });
      assert.deepEqual(page, names.slice(at, at + 100));
      assert.ok(listed() - before <= 6, String(listed() - before));
    }
  });

  it("can begin after what is no name", async () => {
    const { store } = bucketWith(["a", "b/c", "d"], 1000);
    const page = async (after: string): Promise<readonly string[]> =>
      await new RepositoryCatalog(store).page({ most: 10, without: "_", after });
    assert.deepEqual(await page("B~"), ["a", "b/c", "d"]);
    assert.deepEqual(await page("b/"), ["b/c", "d"]);
    assert.deepEqual(await page("/"), ["a", "b/c", "d"]);
    assert.deepEqual(await page("e"), []);
  });
});
