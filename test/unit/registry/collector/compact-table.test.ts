import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";

import { CompactTable } from "../../../../registry/collector/compact-table.js";

describe("compact table", () => {
  it("knows what was added to it, with its flags, and nothing else, through its growth", () => {
    const table = new CompactTable();
    const names = Array.from({ length: 5000 }, (_, i) => {
      if (i % 3 === 0) return randomUUID();
      if (i % 3 === 1) return `sha256:${createHash("sha256").update(String(i)).digest("hex")}`;
      return `docker/registry/v2/${String(i)}/data`;
    });
    for (const [i, name] of names.entries()) table.add(name, i % 2 === 0 ? 1 : 2);
    for (const name of names.slice(0, 100)) table.add(name, 4);
    assert.equal(table.size, names.length);
    for (const [i, name] of names.entries()) {
      assert.equal(table.flagsOf(name), (i % 2 === 0 ? 1 : 2) | (i < 100 ? 4 : 0), name);
    }
    for (let i = 0; i < 1000; i++) assert.equal(table.has(randomUUID()), false);
  });
});
