import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { bearer, GuardedRegistry, HTPASSWD } from "../../integration/registry/auth/support/guarded-registry.js";

/** Longer than what was read of the users is taken for what they are. */
const IDLE_MS = 1100;

/**
 * The first to come after a while was judged by the users of before: a refresh token gave one more access token although its
 * user had another password by then, and a token of a user who was gone was good for one more request.
 */
describe("users who change while nobody comes", () => {
  let guarded: GuardedRegistry;

  beforeEach(async () => {
    guarded = await GuardedRegistry.start();
  });

  afterEach(async () => {
    await guarded.stop();
  });

  const change = async (text: string): Promise<void> => {
    writeFileSync(join(guarded.directory, "htpasswd"), text);
    await sleep(IDLE_MS);
  };

  it("are known to the first refresh after another password", async () => {
    const { refresh_token = "" } = await guarded.tokenAnswer("bob", [], "&offline_token=true");
    const [alice = ""] = HTPASSWD.split("\n");
    await change(`${alice}\nbob:${alice.slice("alice:".length)}\n`);
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token });
    await guarded.registry.expectError(401, "UNAUTHORIZED", "POST", "/token", { body });
  });

  it("are known to the first token of one who is gone", async () => {
    const token = await guarded.token("bob", "registry:catalog:*");
    await guarded.registry.expect(200, "GET", "/v2/_catalog", bearer(token));
    await change(HTPASSWD.split("\n").slice(0, 1).join("\n"));
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/_catalog", bearer(token));
  });
});
