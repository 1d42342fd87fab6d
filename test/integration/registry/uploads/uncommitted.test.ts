import assert from "node:assert/strict";

import type { UncommittedLimits } from "../../../../registry/config/uploads-section.js";
import { as, GuardedRegistry } from "../auth/support/guarded-registry.js";
import { randomContent } from "../support/content.js";

const LIMITS: UncommittedLimits = {
  perRepository: { count: 3, bytes: 100_000 },
  perClient: { count: 4, bytes: 1_000_000 },
};

describe("limits of uncommitted uploads", () => {
  let guarded: GuardedRegistry;

  beforeEach(async () => {
    guarded = await GuardedRegistry.start(
      {},
      { uncommittedUploads: LIMITS, metrics: { listen: "127.0.0.1:0" }, uploadExpiryMs: 3600_000 },
    );
  });

  afterEach(async () => {
    await guarded.stop();
  });

  const begin = async (status: number, repository: string, user = "alice"): Promise<Response> =>
    await guarded.registry.expect(status, "POST", `/v2/${repository}/blobs/uploads/`, as(user));
  const locationOf = (answer: Response): string => answer.headers.get("Location") ?? assert.fail("no Location");
  const sent = (bytes: Uint8Array): RequestInit => ({ ...as("alice"), body: new Uint8Array(bytes) });
  const gauge = async (name: string): Promise<number> => {
    const text = await (await fetch(guarded.registry.metricsUrl)).text();
    return Number(new RegExp(`^berth_registry_uploads_${name} (\\d+)$`, "m").exec(text)?.[1]);
  };

  it("answer 429 with Retry-After to one more than there may be, until one is committed, cancelled or given up", async () => {
    const first = locationOf(await begin(202, "a"));
    const second = locationOf(await begin(202, "a"));
    await begin(202, "a");
    const refused = await guarded.registry.expectError(
      429,
      "TOOMANYREQUESTS",
      "POST",
      "/v2/a/blobs/uploads/",
      as("alice"),
    );
    assert.equal(refused.headers.get("Retry-After"), "60");
    assert.deepEqual([await gauge("uncommitted"), await gauge("receiving")], [3, 0]);
    const { bytes, digest } = randomContent(1000);
    await guarded.registry.expect(201, "PUT", `${first}?digest=${digest}`, sent(bytes));
    await begin(202, "a");
    await begin(429, "a");
    await guarded.registry.expect(204, "DELETE", second, as("alice"));
    await begin(202, "a");
    // Over all repositories of one user, and nobody else's.
    await begin(202, "b");
    await begin(429, "c");
    await begin(202, "users/carol/c", "carol");
  });

  it("do not count what is pushed in one request, and leave nothing of what fails", async () => {
    for (let i = 0; i < 10; i++) {
      const { bytes, digest } = randomContent(100);
      await guarded.registry.expect(201, "POST", `/v2/a/blobs/uploads/?digest=${digest}`, sent(bytes));
      const wrong = `/v2/a/blobs/uploads/?digest=${digest}`;
      await guarded.registry.expect(400, "POST", wrong, sent(randomContent(100).bytes));
    }
    assert.deepEqual([await gauge("uncommitted"), await gauge("uncommitted_bytes")], [0, 0]);
  });

  it("end an upload that grows too large with the others, also when its length was not announced", async () => {
    const [first, second] = [locationOf(await begin(202, "a")), locationOf(await begin(202, "a"))];
    await guarded.registry.expect(202, "PATCH", first, sent(randomContent(90_000).bytes));
    assert.equal(await gauge("uncommitted_bytes"), 90_000);
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(5_000));
      },
    });
    const init = { ...as("alice"), body, duplex: "half" } as RequestInit;
    const answer = await guarded.registry.fetch("PATCH", second, init).catch(() => undefined);
    // A client that goes on sending may see the connection end before it reads the answer.
    if (answer !== undefined) assert.equal(answer.status, 403);
    await guarded.registry.expect(404, "GET", second, as("alice"));
    assert.equal(await gauge("uncommitted_bytes"), 90_000);
    const { bytes } = randomContent(10_000);
    const next = await guarded.registry.expect(202, "PATCH", first, sent(bytes));
    assert.equal(next.headers.get("Range"), "0-99999");
  });
});
