import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { WriteOnceRegister, type Entry } from "../../../registry/storage/write-once-register.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

interface Log {
  readonly by: readonly number[];
}

describe("write-once register", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-register-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("loses no update in any interleaving of reads and writes", async () => {
    const store = await FilesystemObjectStore.open(directory);
    let run = 0;
    // A step is one read or one write of one of three writers, each of which appends to what it has read.
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 30 }), async (steps) => {
        const register = new WriteOnceRegister<Log>(store, `r/${String(run++)}`);
        const seen = new Map<number, Entry<Log> | undefined>();
        const won: number[] = [];
        for (const writer of steps) {
          if (!seen.has(writer)) {
            seen.set(writer, await register.read());
            continue;
          }
          const before = seen.get(writer);
          seen.delete(writer);
          if (await register.replace(before, { by: [...(before?.value.by ?? []), writer] }, { volatile: true }))
            won.push(writer);
        }
        assert.deepEqual((await register.read())?.value.by ?? [], won);
      }),
      { numRuns: 100 },
    );
  });

  it("reads nothing, and does not fail, when it is removed between the look for the number and the reading", async () => {
    const store = await FilesystemObjectStore.open(directory);
    const register = new WriteOnceRegister<Log>(store, "r/removed");
    await register.replace(undefined, { by: [1] });
    const get = store.get.bind(store);
    store.get = async (key) => {
      store.get = get;
      await register.remove();
      return await get(key);
    };
    assert.equal(await register.read(), undefined);
  });

  it("lets exactly one of parallel writers through, across stores", async () => {
    const stores = await Promise.all([1, 2].map(async () => await FilesystemObjectStore.open(directory)));
    const registers = stores.map((store) => new WriteOnceRegister<Log>(store, "r/parallel"));
    const acknowledged: number[] = [];
    let attempts = 0;
    await Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        const register = registers[writer % 2];
        assert.ok(register);
        for (let done = 0; done < 5;) {
          const before = await register.read();
          const attempt = attempts++;
          const by = [...(before?.value.by ?? []), attempt];
          if ((await register.replace(before, { by }, { volatile: true })) === undefined) continue;
          acknowledged.push(attempt);
          done++;
        }
      }),
    );
    const all = (await registers[0]?.read())?.value.by ?? [];
    assert.equal(new Set(all).size, all.length);
    // Whoever is told that it lost may have won when another one came right after.
    assert.deepEqual(
      acknowledged.filter((attempt) => !all.includes(attempt)),
      [],
    );
  });

  it("keeps few entries however often it changes, and lets nobody win whose number was removed", async () => {
    const store = await FilesystemObjectStore.open(directory);
    const register = new WriteOnceRegister<Log>(store, "r/long");
    const seen: (Entry<Log> | undefined)[] = [undefined];
    for (let i = 1; i <= 60; i++) {
      const replaced = await register.replace(seen.at(-1), { by: [i] }, { volatile: true });
      assert.equal(replaced?.number, i);
      seen.push(replaced);
    }
    const { keys } = await store.list({ prefix: "r/long/" });
    assert.ok(keys.length <= 4 + 8 + 8 + 1, `${String(keys.length)} entries`);
    for (const before of seen.slice(0, -1)) assert.equal(await register.replace(before, { by: [-1] }), undefined);
    assert.deepEqual((await register.read())?.value.by, [60]);
    assert.equal((await register.replace(seen.at(-1), { by: [61] }))?.number, 61);
  });
});
