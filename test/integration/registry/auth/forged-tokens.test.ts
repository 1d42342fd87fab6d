import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from "jose";

import { bearer, claimsOf, GuardedRegistry } from "./support/guarded-registry.js";

const SCOPE = "repository:team/app:pull";
const PATH = "/v2/team/app/tags/list";

describe("registry under forged tokens", () => {
  let guarded: GuardedRegistry;
  let key: CryptoKey;
  let kid: string;
  let publicJwk: JWK;

  before(async () => {
    guarded = await GuardedRegistry.start();
    const [file = ""] = readdirSync(join(guarded.directory, "keys"));
    const stored = JSON.parse(readFileSync(join(guarded.directory, "keys", file), "utf8")) as { kid: string; jwk: JWK };
    kid = stored.kid;
    key = (await importJWK(stored.jwk, "EdDSA")) as CryptoKey;
    const { d, ...rest } = stored.jwk;
    assert.ok(d !== undefined);
    publicJwk = rest;
  });

  after(async () => {
    await guarded.stop();
  });

  const now = (): number => Math.floor(Date.now() / 1000);
  const goodClaims = (): Record<string, unknown> => ({
    iss: "berth",
    aud: "berth",
    sub: "alice",
    iat: now(),
    nbf: now(),
    exp: now() + 300,
    access: [{ type: "repository", name: "team/app", actions: ["pull"] }],
  });
  const sign = async (claims: object = {}, header: object = {}, by = key, alg = "EdDSA"): Promise<string> =>
    await new SignJWT({ ...goodClaims(), ...claims })
      .setProtectedHeader({ alg, typ: "at+jwt", kid, ...header })
      .sign(by);
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const assertRefused = async (what: string, token: string): Promise<void> => {
    const answer = await guarded.registry.fetch("GET", PATH, bearer(token));
    assert.equal(answer.status, 401, what);
    assert.match(answer.headers.get("WWW-Authenticate") ?? "", /error="invalid_token"$/, what);
  };

  it("takes one that is as its own are, so that the following are refused for what they change", async () => {
    await guarded.registry.expectError(404, "NAME_UNKNOWN", "GET", PATH, bearer(await sign()));
  });

  it("refuses tokens that were changed", async () => {
    const [header = "", , signature = ""] = (await guarded.token("bob", SCOPE)).split(".");
    const [, changed = ""] = (await sign()).split(".");
    await assertRefused("other claims", [header, changed, signature].join("."));
    const token = await sign();
    for (const at of [10, token.indexOf(".") + 10, token.length - 10]) {
      const other = token[at] === "A" ? "B" : "A";
      await assertRefused(`byte ${String(at)}`, token.slice(0, at) + other + token.slice(at + 1));
    }
    await assertRefused("no signature", `${token.split(".").slice(0, 2).join(".")}.`);
    await assertRefused("five parts", `${token}.a.b`);
  });

  it("refuses tokens for another time, place or purpose", async () => {
    const cases: Readonly<Record<string, object>> = {
      expired: { exp: now() - 60, iat: now() - 400, nbf: now() - 400 },
      "not yet valid": { nbf: now() + 60 },
      "for ever": { exp: undefined },
      "another audience": { aud: "another" },
      "no audience": { aud: undefined },
      "another issuer": { iss: "https://another.example" },
      "no access": { access: undefined },
      "access of another form": { access: "repository:team/app:pull" },
      "a user who is not there": { sub: "mallory" },
    };
    for (const [what, claims] of Object.entries(cases)) await assertRefused(what, await sign(claims));
    for (const typ of ["JWT", "refresh+jwt", undefined])
      await assertRefused(`typ ${String(typ)}`, await sign({}, { typ }));
  });

  it("refuses tokens by another key, algorithm or none", async () => {
    const another = await generateKeyPair("EdDSA");
    await assertRefused("another key", await sign({}, {}, another.privateKey));
    for (const alg of ["none", "None", "NONE", ""]) {
      await assertRefused(`alg ${alg}`, `${encode({ alg, kid, typ: "at+jwt" })}.${encode(goodClaims())}.`);
      await assertRefused(`alg ${alg}`, `${encode({ alg, kid, typ: "at+jwt" })}.${encode(goodClaims())}.AAAA`);
    }
    // The public key taken for a shared secret, in each of its forms.
    const spki = await exportSPKI((await importJWK(publicJwk, "EdDSA")) as CryptoKey);
    for (const secret of [
      spki,
      spki.trim(),
      JSON.stringify(publicJwk),
      publicJwk.x ?? "",
      Buffer.from(publicJwk.x ?? "", "base64url"),
    ]) {
      const text = `${encode({ alg: "HS256", kid, typ: "at+jwt" })}.${encode(goodClaims())}`;
      await assertRefused("HS256", `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`);
    }
    await assertRefused("crit", await signWithCrit());
  });

  const signWithCrit = async (): Promise<string> => {
    const header = { alg: "EdDSA", kid, typ: "at+jwt", crit: ["x"], x: 1 };
    return await new SignJWT(goodClaims()).setProtectedHeader(header).sign(key, { crit: { x: true } });
  };

  it("looks for keys nowhere else, whatever the token's header says", async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/keys`;
      const { privateKey, publicKey } = await generateKeyPair("EdDSA");
      const jwk = await exportJWK(publicKey);
      const headers: readonly object[] = [
        { jwk },
        { jwk, kid: undefined },
        { jku: url },
        { jku: url, kid: "x" },
        { x5u: url },
        { x5c: ["AAAA"] },
        { kid: url },
        { kid: "../../../../etc/hostname" },
        { kid: "/dev/null" },
        { kid: "__proto__" },
        { kid: "" },
        { kid: 0 },
        { kid: null },
        { kid: [kid] },
        { kid: `${kid}\u0000` },
        { kid: "k".repeat(5000) },
      ];
      for (const header of headers) await assertRefused(JSON.stringify(header), await sign({}, header, privateKey));
      assert.equal(asked, 0);
    } finally {
      server.close();
    }
  });

  it("makes no name into another, and no token that fits no header", async () => {
    const { registry } = guarded;
    const granted = async (scope: string): Promise<unknown> =>
      claimsOf((await guarded.tokenAnswer("bob", [scope])).token)["access"];
    const tricks = [
      "repository:team/../secret:pull",
      "repository:team/*:pull",
      "repository:**:pull",
      "repository:*:*",
      "repository::pull",
      "repository:team/app",
      "repository:team//app:pull",
      "repository:/team/app:pull",
      "repository:team/app/:pull",
      "repository:TEAM/app:pull",
      "repository:te\u0430m/app:pull",
      "repository:team/\uff41pp:pull",
      "repository:team/app%2f..:pull",
      "repository:team/app\n:pull",
      "repository:team/app\u0000:pull",
      "repository:team/app:PULL",
      "repository:team/app:pu ll",
      "Repository:team/app:pull",
      "registry:team/app:pull",
      "registry:catalog:pull",
      `repository:team/${"a".repeat(300)}:pull`,
      `repository:team/app:${"pull".repeat(1000)}`,
      "repository:secret/team/app:pull",
      "repository:evil.example:5000/team/app:pull",
    ];
    for (const scope of tricks) assert.deepEqual(await granted(scope), [], scope);
    assert.deepEqual(await granted("repository:team/app:pull,pull,*,nothing,push"), [
      { type: "repository", name: "team/app", actions: ["pull"] },
    ]);
    const names = Array.from({ length: 32 }, (_, i) => `team/${String(i)}/${"a".repeat(240)}`);
    const long = await guarded.tokenAnswer(
      "bob",
      names.map((name) => `repository:${name}:pull`),
    );
    await registry.expect(404, "GET", `/v2/${names[31] ?? ""}/tags/list`, bearer(long.token));
    const many = Array.from({ length: 33 }, (_, i) => `scope=repository:team/${String(i)}:pull`).join("&");
    await registry.expectError(400, "UNSUPPORTED", "GET", `/token?${many}`);
    await registry.expectError(413, "SIZE_INVALID", "POST", "/token", { body: "x".repeat(100_000) });
  });
});
