import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from "jose";

import {
  as,
  basic,
  bearer,
  claimsOf,
  GuardedRegistry,
  HTPASSWD,
  type TokenAnswer,
} from "./support/guarded-registry.js";

const TEAM = "repository:team/app:pull,push";

describe("token service", () => {
  let guarded: GuardedRegistry;

  before(async () => {
    guarded = await GuardedRegistry.start();
  });

  after(async () => {
    await guarded.stop();
  });

  const post = async (status: number, form: Record<string, string>): Promise<TokenAnswer> => {
    const answer = await guarded.registry.expect(status, "POST", "/token", { body: new URLSearchParams(form) });
    return (await answer.json()) as TokenAnswer;
  };

  it("grants the allowed part of what is asked for, each repository once", async () => {
    const answer = await guarded.tokenAnswer("bob", [TEAM, "repository:other:pull", "repository:users/bob/x:*"]);
    const claims = claimsOf(answer.token);
    assert.deepEqual(claims["access"], [
      { type: "repository", name: "team/app", actions: ["pull"] },
      { type: "repository", name: "users/bob/x", actions: ["pull", "push", "delete"] },
    ]);
    assert.deepEqual([claims["sub"], claims["iss"], claims["aud"]], ["bob", "berth", "berth"]);
    assert.equal(Number(claims["exp"]) - Number(claims["nbf"]), 300);
    assert.deepEqual([answer.access_token, answer.expires_in, answer.refresh_token], [answer.token, 300, undefined]);
    assert.equal(new Date(answer.issued_at).getTime(), Number(claims["iat"]) * 1000);
    assert.equal(new Set([claims["jti"], claimsOf(await guarded.token("bob"))["jti"]]).size, 2);
  });

  it("signs with a key of the published set, which is kept for its owner alone", async () => {
    const token = await guarded.token("alice", TEAM);
    const answer = await guarded.registry.expect(200, "GET", "/.well-known/jwks.json");
    const published = (await answer.json()) as JSONWebKeySet;
    await jwtVerify(token, createLocalJWKSet(published), { audience: "berth", issuer: "berth" });
    assert.ok(published.keys.every((key) => !("d" in key)));
    const keys = join(guarded.directory, "keys");
    const files = readdirSync(keys);
    assert.deepEqual(files, [`${String(decodeProtectedHeader(token).kid)}.json`]);
    assert.deepEqual(
      [keys, ...files.map((file) => join(keys, file))].map((path) => statSync(path).mode & 0o777),
      [0o700, 0o600],
    );
  });

  it("signs with whichever algorithm is configured", async () => {
    for (const algorithm of ["ES256", "RS256"]) {
      const other = await GuardedRegistry.start({ keys: { directory: join(guarded.directory, algorithm), algorithm } });
      try {
        const token = await other.token("alice", TEAM);
        assert.equal(decodeProtectedHeader(token).alg, algorithm);
        await other.registry.expect(404, "GET", "/v2/team/app/tags/list", bearer(token));
      } finally {
        await other.stop();
      }
    }
  });

  it("gives nobody a token for what is public, and none where nothing is", async () => {
    const claims = claimsOf(await guarded.token(undefined, "repository:public/x:pull,push", TEAM));
    assert.deepEqual(claims["access"], [{ type: "repository", name: "public/x", actions: ["pull"] }]);
    assert.equal(claims["sub"], undefined);
    // A client without a user that sends Basic nevertheless, more often than anybody may guess.
    const empty = { headers: { Authorization: basic("", "") } };
    for (let i = 0; i < 12; i++) {
      const answer = await guarded.registry.expect(200, "GET", "/token?scope=repository:public/x:pull", empty);
      const { token } = (await answer.json()) as TokenAnswer;
      assert.equal(claimsOf(token)["sub"], undefined);
    }
    await guarded.registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/public/x/tags/list", empty);
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", empty);
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/team/app/tags/list", empty);
    for (const [user, password] of [
      ["", "x"],
      ["alice", ""],
    ] as const) {
      await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/public/x/tags/list", {
        headers: { Authorization: basic(user, password) },
      });
    }
    const closed = await GuardedRegistry.start({ access: [{ users: ["alice"], actions: ["pull"] }] });
    try {
      await closed.registry.expectError(401, "UNAUTHORIZED", "GET", "/token?scope=repository:public/x:pull");
      await closed.registry.expectError(401, "UNAUTHORIZED", "GET", "/token?scope=repository:public/x:pull", empty);
    } finally {
      await closed.stop();
    }
  });

  it("takes forms with a password, and refresh tokens in exchange for access tokens", async () => {
    const credentials = { username: "bob", password: "bob-password" };
    const common = { service: "berth", client_id: "test", scope: `${TEAM} repository:users/bob/y:push` };
    const online = await post(200, { grant_type: "password", ...common, ...credentials });
    assert.equal(online.refresh_token, undefined);
    const first = await post(200, { grant_type: "password", access_type: "offline", ...common, ...credentials });
    const refresh = first.refresh_token ?? "";
    const second = await post(200, { grant_type: "refresh_token", refresh_token: refresh, ...common });
    assert.deepEqual(claimsOf(second.token)["access"], [
      { type: "repository", name: "team/app", actions: ["pull"] },
      { type: "repository", name: "users/bob/y", actions: ["push"] },
    ]);
    const byQuery = await guarded.tokenAnswer("bob", [], "&offline_token=true");
    await post(200, { grant_type: "refresh_token", refresh_token: byQuery.refresh_token ?? "" });
    // Neither kind passes for the other.
    await post(401, { grant_type: "refresh_token", refresh_token: first.token });
    await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", bearer(refresh));
    await post(401, { grant_type: "password", username: "bob", password: "alice-password" });
    await post(400, { grant_type: "client_credentials" });
    await post(400, { grant_type: "password", ...common, ...credentials, service: "another" });
  });

  it("ends tokens of both kinds with the password and with the user, without a restart", async () => {
    const other = await GuardedRegistry.start();
    try {
      const { registry } = other;
      const { refresh_token = "", token } = await other.tokenAnswer("carol", [], "&offline_token=true");
      const renew = { body: new URLSearchParams({ grant_type: "refresh_token", refresh_token }) };
      await registry.expect(200, "POST", "/token", renew);
      const bobsHash = (HTPASSWD.split("\n")[1] ?? "").slice("bob:".length);
      writeFileSync(join(other.directory, "htpasswd"), `alice:x\ncarol:${bobsHash}\n`);
      // A password that is not remembered makes the registry look at the file.
      await registry.expect(200, "GET", "/v2/", { headers: { Authorization: basic("carol", "bob-password") } });
      await registry.expect(401, "GET", "/v2/", as("carol"));
      await registry.expectError(401, "UNAUTHORIZED", "POST", "/token", renew);
      await registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", bearer(token));
      const credentials = { Authorization: basic("carol", "bob-password") };
      const answer = await registry.expect(200, "GET", "/token", { headers: credentials });
      const { token: another } = (await answer.json()) as { token: string };
      await registry.expect(200, "GET", "/v2/", bearer(another));
      writeFileSync(join(other.directory, "htpasswd"), "# nobody\n");
      await registry.expect(401, "GET", "/v2/", { headers: { Authorization: basic("carol", "wrong") } });
      await registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", bearer(another));
    } finally {
      await other.stop();
    }
  });

  it("asks for credentials again when they are wrong, and is not cached", async () => {
    const wrong = { headers: { Authorization: basic("alice", "bob-password") } };
    const answer = await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/token", wrong);
    assert.equal(answer.headers.get("WWW-Authenticate"), 'Basic realm="berth"');
    assert.equal((await guarded.registry.expect(200, "GET", "/token")).headers.get("Cache-Control"), "no-store");
    // A short-lived token cannot renew itself.
    await guarded.registry.expect(401, "GET", "/token", bearer(await guarded.token("alice", TEAM)));
  });
});
