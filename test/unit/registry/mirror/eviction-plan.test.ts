import assert from "node:assert/strict";

import fc from "fast-check";

import { digestOf, type Digest } from "../../../../oci/digest.js";
import { planEviction, type CopiedManifest } from "../../../../registry/mirror/eviction-plan.js";

const blob = (name: string): Digest => digestOf(name);

function copy(name: string, pulledAt: number, blobs: Readonly<Record<string, number>>): CopiedManifest {
  const sizes = new Map(Object.entries(blobs).map(([of, size]) => [blob(of), size]));
  return { stored: "_up/x", digest: blob(`manifest ${name}`), size: 0, blobs: sizes, pulledAt };
}

describe("the plan of an eviction", () => {
  it("is empty without limits", () => {
    assert.deepEqual(planEviction([copy("a", 0, { a: 1000 })], {}, 1e12), []);
  });

  it("takes what was pulled longest ago until the rest fits with some room", () => {
    const [a, b, c] = [copy("a", 1, { a: 50 }), copy("b", 3, { b: 50 }), copy("c", 2, { c: 50 })];
    assert.deepEqual(planEviction([a, b, c], { maxSize: 150 }, 10), []);
    assert.deepEqual(planEviction([a, b, c], { maxSize: 140 }, 10), [a]);
    assert.deepEqual(planEviction([a, b, c], { maxSize: 100 }, 10), [a, c]);
  });

  it("counts a blob once that several need, and frees it with the last of them", () => {
    const [a, b] = [copy("a", 1, { base: 100, a: 1 }), copy("b", 2, { base: 100, b: 1 })];
    assert.deepEqual(planEviction([a, b], { maxSize: 102 }, 10), []);
    assert.deepEqual(planEviction([a, b], { maxSize: 101 }, 10), [a, b]);
  });

  it("takes what nobody has pulled for too long, whatever the size", () => {
    const [old, fresh] = [copy("old", 1000, { a: 1 }), copy("fresh", 5000, { b: 1 })];
    assert.deepEqual(planEviction([fresh, old], { maxAgeMs: 3000, maxSize: 100 }, 5500), [old]);
  });

  it("always leaves no more than the limit, and never takes anything later pulled than what it leaves", () => {
    const copies = fc.array(
      fc.record({ pulledAt: fc.nat(100), blobs: fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constant(10)) }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(copies, fc.nat(40), (some, maxSize) => {
        const all = some.map(({ pulledAt, blobs }, i) => copy(String(i), pulledAt, blobs));
        const gone = new Set(planEviction(all, { maxSize }, 100));
        const kept = all.filter((one) => !gone.has(one));
        const needed = new Set(kept.flatMap(({ blobs }) => [...blobs.keys()]));
        const latest = Math.max(0, ...[...gone].map(({ pulledAt }) => pulledAt));
        return needed.size * 10 <= maxSize && kept.every(({ pulledAt }) => pulledAt >= latest);
      }),
    );
  });
});
