import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost } from "../../../helpers/berth-host.js";
import { bearer, GuardedRegistry, HTPASSWD, settingsIn } from "./support/guarded-registry.js";

const SCOPE = "repository:users/bob/app:pull";
const READ = "/v2/users/bob/app/tags/list";

/** No test here waits: whatever a user is told first after the change must already be told by what holds now. */
describe("tokens of users who are no longer what they were", () => {
  let guarded: GuardedRegistry;
  let host: BerthHost;

  beforeEach(async () => {
    host = new BerthHost();
    guarded = await GuardedRegistry.start();
  });

  afterEach(async () => {
    await guarded.stop();
    await host.dispose();
  });

  const user = (verb: string, name: string, input = ""): void => {
    const more = verb === "add" ? ["--password-stdin"] : [];
    const file = join(guarded.directory, "htpasswd");
    const { status, stderr } = host.try(["registry", "user", verb, name, ...more, "--htpasswd", file], { input });
    assert.equal(status, 0, stderr);
  };

  const refresh = async (refresh_token: string): Promise<Response> => {
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token, scope: SCOPE });
    return await guarded.registry.fetch("POST", "/token", { body });
  };

  const refreshTokenOf = async (name: string): Promise<string> => {
    const { refresh_token } = await guarded.tokenAnswer(name, [], "&offline_token=true");
    return refresh_token ?? assert.fail("there is no refresh token");
  };

  it("refresh nothing from the moment on at which the user is removed, also when the name is given again", async () => {
    const [bobs, alices] = [await refreshTokenOf("bob"), await refreshTokenOf("alice")];
    assert.equal((await refresh(bobs)).status, 200);
    user("remove", "bob");
    assert.equal((await refresh(bobs)).status, 401);
    assert.equal((await refresh(alices)).status, 200);
    user("add", "bob", "bob-password\n");
    assert.equal((await refresh(bobs)).status, 401);
    assert.equal((await refresh(await refreshTokenOf("bob"))).status, 200);
  });

  it("refresh nothing from the moment on at which the password changes", async () => {
    const bobs = await refreshTokenOf("bob");
    user("add", "bob", "another-password\n");
    assert.equal((await refresh(bobs)).status, 401);
  });

  it("let in nobody after a reload who was let in with another password, and everybody else", async () => {
    const [bobs, alices] = [await guarded.token("bob", SCOPE), await guarded.token("alice", SCOPE)];
    for (const token of [bobs, alices]) await guarded.registry.expect(404, "GET", READ, bearer(token));
    const [, bob = ""] = HTPASSWD.split("\n");
    const another = HTPASSWD.replace(bob, `bob:${HTPASSWD.slice("alice:".length).split("\n")[0] ?? ""}`);
    writeFileSync(join(guarded.directory, "htpasswd"), another);
    await guarded.registry.reload(settingsIn(guarded.directory));
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", READ, bearer(bobs));
    await guarded.registry.expect(404, "GET", READ, bearer(alices));
  });

  it("let in nobody after a reload who was removed", async () => {
    const token = await guarded.token("bob", SCOPE);
    user("remove", "bob");
    await guarded.registry.reload(settingsIn(guarded.directory));
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", READ, bearer(token));
  });
});
