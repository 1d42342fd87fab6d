import { bearer, GuardedRegistry } from "../../integration/registry/auth/support/guarded-registry.js";

const APART_MS = 20_000;

/** A replica whose clock was six seconds behind refused what the other one had just signed: pushes through both failed at random. */
describe("a token of a replica whose clock is ahead", () => {
  const { now } = Date;
  let guarded: GuardedRegistry;

  beforeEach(async () => {
    guarded = await GuardedRegistry.start();
  });

  afterEach(async () => {
    Date.now = now;
    await guarded.stop();
  });

  it("holds", async () => {
    Date.now = () => now() + APART_MS;
    const token = await guarded.token("alice", "registry:catalog:*");
    Date.now = now;
    await guarded.registry.expect(200, "GET", "/v2/_catalog", bearer(token));
  });
});
