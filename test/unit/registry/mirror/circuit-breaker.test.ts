import assert from "node:assert/strict";

import { CircuitBreaker } from "../../../../registry/mirror/circuit-breaker.js";

describe("the circuit breaker of an upstream", () => {
  let now: number;
  let breaker: CircuitBreaker;

  beforeEach(() => {
    now = 1000;
    breaker = new CircuitBreaker(() => now);
  });

  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) breaker.failed();
  };

  it("lets everybody ask until three failures in a row", () => {
    fail(2);
    assert.equal(breaker.admit(), 0);
    breaker.succeeded();
    fail(2);
    assert.equal(breaker.admit(), 0);
    fail(1);
    assert.equal(breaker.admit(), 5000);
  });

  it("lets one try when the pause is over, and who comes meanwhile waits", () => {
    fail(3);
    now += 5000;
    assert.equal(breaker.admit(), 0);
    assert.equal(breaker.admit() > 0, true);
    breaker.succeeded();
    assert.equal(breaker.admit(), 0);
    assert.equal(breaker.admit(), 0);
  });

  it("doubles the pause with each further failure, up to a minute", () => {
    fail(4);
    assert.equal(breaker.admit(), 10_000);
    fail(10);
    assert.equal(breaker.admit(), 60_000);
  });

  it("lets another try when the first has learnt nothing", () => {
    fail(3);
    now += 5000;
    assert.equal(breaker.admit(), 0);
    breaker.undecided();
    assert.equal(breaker.admit(), 0);
  });

  it("leaves an upstream alone as long as it asks for, within reason", () => {
    breaker.failed(17_000);
    assert.equal(breaker.admit(), 17_000);
    breaker.failed(24 * 3600_000);
    assert.equal(breaker.admit(), 300_000);
  });
});
