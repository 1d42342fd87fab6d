import assert from "node:assert/strict";

import { BerthError } from "../../../../oci/errors.js";
import { networkFailure, parseRetryAfter, TransientFailure, withRetries } from "../../../../puller/client/backoff.js";
import { DEFAULT_LIMITS } from "../../../../puller/client/client-options.js";

const limits = { ...DEFAULT_LIMITS, attempts: 3, baseDelay: 1, maximumDelay: 2 };
const passing = (retryAfter?: number): TransientFailure =>
  new TransientFailure(new BerthError("NETWORK", "connection lost"), retryAfter);

describe("withRetries", () => {
  it("tries again until it succeeds", async () => {
    let calls = 0;
    const result = await withRetries(limits, undefined, () => {
      calls++;
      return calls < 3 ? Promise.reject(passing()) : Promise.resolve("done");
    });
    assert.deepEqual([result, calls], ["done", 3]);
  });

  it("gives up after the last attempt with the failure itself", async () => {
    let calls = 0;
    await assert.rejects(
      withRetries(limits, undefined, () => {
        calls++;
        return Promise.reject(passing());
      }),
      { name: "BerthError", code: "NETWORK" },
    );
    assert.equal(calls, 3);
  });

  it("counts anew after an attempt that got further", async () => {
    let calls = 0;
    await assert.rejects(
      withRetries(
        limits,
        undefined,
        () => {
          calls++;
          return Promise.reject(passing());
        },
        () => calls === 2,
      ),
    );
    assert.equal(calls, 4);
  });

  it("does not try again what cannot pass", async () => {
    let calls = 0;
    await assert.rejects(
      withRetries(limits, undefined, () => {
        calls++;
        return Promise.reject(new BerthError("DENIED", "no"));
      }),
      { code: "DENIED" },
    );
    assert.equal(calls, 1);
  });

  it("does not sit out a wait of minutes that the server asks for", async () => {
    // The test's own time limit is shorter.
    await assert.rejects(
      withRetries(limits, undefined, () => Promise.reject(passing(600_000))),
      { code: "NETWORK" },
    );
  });

  it("stops waiting when it is cancelled", async () => {
    const controller = new AbortController();
    const slow = { ...limits, baseDelay: 60_000, maximumDelay: 60_000 };
    const pending = withRetries(slow, controller.signal, () => Promise.reject(passing()));
    setImmediate(() => {
      controller.abort();
    });
    await assert.rejects(pending, { code: "ABORTED" });
  });
});

describe("parseRetryAfter", () => {
  it("reads seconds and dates", () => {
    assert.equal(parseRetryAfter("3"), 3000);
    assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 4000), 6000);
    assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 20_000), 0);
  });

  it("passes over what is neither", () => {
    assert.equal(parseRetryAfter("soon"), undefined);
    assert.equal(parseRetryAfter(undefined), undefined);
  });
});

describe("networkFailure", () => {
  it("is final when nobody listens, and passing when a connection breaks", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    assert.ok(networkFailure(refused, "x", undefined) instanceof BerthError);
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    assert.ok(networkFailure(reset, "x", undefined) instanceof TransientFailure);
  });
});
