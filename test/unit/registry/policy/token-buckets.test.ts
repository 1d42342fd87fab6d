import assert from "node:assert/strict";

import { TokenBuckets } from "../../../../registry/policy/token-buckets.js";

describe("token buckets", () => {
  it("give a burst, then so many a second, and say how long to wait", () => {
    const buckets = new TokenBuckets({ requestsPerSecond: 2, burst: 3 });
    assert.deepEqual(
      [0, 0, 0].map(() => buckets.take("a", 1000)),
      [0, 0, 0],
    );
    assert.equal(buckets.take("a", 1000), 0.5);
    assert.equal(buckets.take("a", 1250), 0.25);
    assert.equal(buckets.take("a", 1500), 0);
    assert.ok(buckets.take("a", 1500) > 0);
  });

  it("count each key for itself, and never save up more than the burst", () => {
    const buckets = new TokenBuckets({ requestsPerSecond: 100, burst: 1 });
    assert.equal(buckets.take("a", 0), 0);
    assert.equal(buckets.take("b", 0), 0);
    assert.ok(buckets.take("a", 0) > 0);
    assert.equal(buckets.take("a", 3_600_000), 0);
    assert.ok(buckets.take("a", 3_600_000) > 0);
  });

  it("forget the oldest of too many keys", () => {
    const buckets = new TokenBuckets({ requestsPerSecond: 0.001, burst: 1 });
    assert.equal(buckets.take("first", 0), 0);
    for (let i = 0; i < 49_999; i++) buckets.take(`key ${String(i)}`, 0);
    assert.ok(buckets.take("first", 0) > 0, "it is still known");
    buckets.take("one too many", 0);
    assert.equal(buckets.take("first", 0), 0);
  });
});
