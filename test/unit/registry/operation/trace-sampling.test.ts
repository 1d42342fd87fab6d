import assert from "node:assert/strict";

import { TraceSampling, type CallersWish } from "../../../../registry/observability/trace-sampling.js";

describe("the sampling of traces", () => {
  let now: number;
  let lot: number;

  beforeEach(() => {
    now = 0;
    lot = 0.5;
  });

  const sampled = (sampling: TraceSampling, times: number, wish: CallersWish): number =>
    Array.from({ length: times }, () => sampling.isSampled(wish)).filter(Boolean).length;
  const samplingOf = (samplePercent: number, callersPerSecond: number): TraceSampling =>
    new TraceSampling(
      { samplePercent, callersPerSecond },
      () => now,
      () => lot,
    );

  it("grants callers' wishes so many times a second and no more, whatever trace IDs they choose", () => {
    const sampling = samplingOf(1, 10);
    assert.equal(sampled(sampling, 1000, "sampled"), 10);
    now += 100;
    assert.equal(sampled(sampling, 1000, "sampled"), 1);
    now += 3600_000;
    assert.equal(sampled(sampling, 1000, "sampled"), 10);
  });

  it("draws a lot for the others, as for those who wish nothing", () => {
    const sampling = samplingOf(51, 1);
    assert.equal(sampled(sampling, 10, "sampled"), 10);
    assert.equal(sampled(sampling, 10, undefined), 10);
    lot = 0.52;
    assert.equal(sampled(sampling, 10, "sampled"), 0);
    assert.equal(sampled(sampling, 10, undefined), 0);
  });

  it("leaves alone who wants not to be traced, unless callers decide nothing", () => {
    assert.equal(sampled(samplingOf(100, 1), 10, "not sampled"), 0);
    assert.equal(sampled(samplingOf(100, 0), 10, "not sampled"), 10);
    assert.equal(sampled(samplingOf(0, 0), 10, "sampled"), 0);
  });
});
