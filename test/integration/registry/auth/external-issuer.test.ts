import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";

import { decodeProtectedHeader, type FlattenedJWSInput } from "jose";
import { pino } from "pino";

import { isBerthError } from "../../../../oci/errors.js";
import { RemoteKeys, type KeyTimes } from "../../../../registry/auth/remote-keys.js";
import { basic, bearer, claimsOf, GuardedRegistry, type TokenAnswer } from "./support/guarded-registry.js";
import { ScriptedIssuer } from "./support/scripted-issuer.js";

const SUBJECT = "repo:acme/app:ref:refs/heads/main";
const CLAIMS = {
  sub: SUBJECT,
  repository: "acme/app",
  ref: "refs/heads/main",
  realm_access: { roles: ["staff", "x y"] },
};

describe("registry with an external issuer", () => {
  let issuer: ScriptedIssuer;
  let guarded: GuardedRegistry;

  before(async () => {
    issuer = await ScriptedIssuer.start();
    guarded = await GuardedRegistry.start({
      issuers: [
        {
          name: "ci",
          issuer: issuer.url,
          audience: "registry.example",
          claims: { repository: "acme/*" },
          groupsClaim: "realm_access.roles",
          groups: [{ group: "release", claims: { ref: "refs/heads/main" } }],
        },
      ],
      access: [
        { repositories: ["acme/app"], groups: ["ci:release"], actions: ["pull", "push"] },
        { repositories: ["staff/**"], groups: ["ci:staff"], actions: ["pull"] },
        { repositories: ["by-name/**"], users: ["ci:repo:acme/app:*"], actions: ["pull"] },
        { repositories: ["local/**"], users: ["*"], actions: ["pull"] },
      ],
    });
  });

  after(async () => {
    await guarded.stop();
    await issuer.stop();
  });

  it("takes its tokens for what users and groups with its prefix may do", async () => {
    const { registry } = guarded;
    const token = bearer(await issuer.token(CLAIMS));
    await registry.expect(200, "GET", "/v2/", token);
    await registry.expect(202, "POST", "/v2/acme/app/blobs/uploads/", token);
    await registry.expect(404, "GET", "/v2/staff/x/tags/list", token);
    await registry.expect(404, "GET", "/v2/by-name/x/tags/list", token);
    // "*" are the users of the htpasswd file.
    await registry.expectError(403, "DENIED", "GET", "/v2/local/x/tags/list", token);
    const branch = bearer(await issuer.token({ ...CLAIMS, ref: "refs/heads/other", realm_access: {} }));
    await registry.expectError(403, "DENIED", "POST", "/v2/acme/app/blobs/uploads/", branch);
    await registry.expectError(403, "DENIED", "GET", "/v2/staff/x/tags/list", branch);
  });

  it("takes them as a password, and gives its own for them that go no further", async () => {
    const { registry } = guarded;
    const init = { headers: { Authorization: basic("anything", await issuer.token(CLAIMS)) } };
    await registry.expect(202, "POST", "/v2/acme/app/blobs/uploads/", init);
    const answer = await registry.expect(
      200,
      "GET",
      "/token?scope=repository:acme/app:pull,push,delete&offline_token=true",
      init,
    );
    const { token, refresh_token } = (await answer.json()) as TokenAnswer;
    assert.equal(refresh_token, undefined);
    assert.deepEqual(
      [claimsOf(token)["sub"], claimsOf(token)["groups"]],
      [`ci:${SUBJECT}`, ["ci:release", "ci:staff"]],
    );
    await registry.expect(202, "POST", "/v2/acme/app/blobs/uploads/", bearer(token));
    await registry.expectError(403, "DENIED", "DELETE", "/v2/acme/app/manifests/v1", bearer(token));
  });

  it("refuses those for another audience, without the claims, or that name nobody", async () => {
    for (const token of [
      await issuer.token(CLAIMS, "another.example"),
      await issuer.token({ ...CLAIMS, repository: "mallory/app" }),
      await issuer.token({ ...CLAIMS, sub: "alice\r\nX-Injected: 1" }),
      await issuer.token({ repository: "acme/app" }),
      `${await issuer.token(CLAIMS)}x`,
    ]) {
      await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", bearer(token));
    }
  });
});

describe("an issuer's keys", () => {
  const times: KeyTimes = { freshMs: 0, staleMs: 3600_000, askEveryMs: 0, timeoutMs: 60_000 };
  /** For the issuers that do not answer. Others have all the time that they need. */
  const SHORT_MS = 500;
  let issuer: ScriptedIssuer;

  beforeEach(async () => {
    issuer = await ScriptedIssuer.start();
  });

  afterEach(async () => {
    await issuer.stop();
  });

  const keysWith = (changed: Partial<KeyTimes> = {}, jwks?: string): RemoteKeys =>
    new RemoteKeys({ issuer: issuer.url, ...(jwks !== undefined && { jwks }) }, pino({ level: "silent" }), {
      ...times,
      ...changed,
    });
  const find = async (keys: RemoteKeys): Promise<unknown> => {
    const token = await issuer.token({});
    const [protectedHeader = "", payload = "", signature = ""] = token.split(".");
    const input: FlattenedJWSInput = { protected: protectedHeader, payload, signature };
    return await keys.keyFor({ alg: "RS256", ...decodeProtectedHeader(token) }, input);
  };
  const assertUnavailable = async (keys: RemoteKeys): Promise<void> => {
    await assert.rejects(find(keys), (error) => isBerthError(error, "UNAUTHORIZED"));
  };

  it("are found by discovery, or where the configuration says, and fetched once for all who wait", async () => {
    const keys = keysWith({ freshMs: 60_000 });
    await Promise.all(Array.from({ length: 20 }, async () => await find(keys)));
    assert.equal(issuer.requests, 2);
    await find(keysWith({}, `${issuer.url}/certs`));
    assert.equal(issuer.requests, 3);
  });

  it("are fetched again when another one signs, but not more often than every so often", async () => {
    const [eager, patient] = [keysWith({ freshMs: 60_000 }), keysWith({ freshMs: 60_000, askEveryMs: 60_000 })];
    await find(eager);
    await find(patient);
    await issuer.rotate("second");
    await find(eager);
    const before = issuer.requests;
    for (let i = 0; i < 5; i++) await assert.rejects(find(patient));
    assert.equal(issuer.requests, before);
  });

  it("go on to hold while the issuer is down, slow, or answers nonsense", async () => {
    const keys = keysWith();
    await find(keys);
    for (const { answer } of badAnswers.filter(({ isSlow }) => !isSlow)) {
      issuer.answer = answer;
      const { requests } = issuer;
      // The issuer is asked beside, as soon as it has failed for the time before.
      while (issuer.requests === requests) {
        await find(keys);
        await setImmediate();
      }
    }
    await find(keys);
    // Nobody waits for what is asked beside.
    for (const { answer } of badAnswers.filter(({ isSlow }) => isSlow)) {
      issuer.answer = undefined;
      const waiting = keysWith();
      await find(waiting);
      issuer.answer = answer;
      const { requests } = issuer;
      while (issuer.requests === requests) {
        await find(waiting);
        await setImmediate();
      }
      await find(waiting);
    }
  });

  it("are not to be had, in bounded time, from an issuer that is down, slow, too large or elsewhere", async () => {
    for (const { answer, isSlow } of badAnswers) {
      issuer.answer = answer;
      const keys = keysWith({ askEveryMs: 3600_000, ...(isSlow && { timeoutMs: SHORT_MS }) });
      const { requests } = issuer;
      await assertUnavailable(keys);
      const asked = issuer.requests - requests;
      // No storm: the next ones are refused at once.
      for (let i = 0; i < 10; i++) await assertUnavailable(keys);
      assert.equal(issuer.requests - requests, asked);
      // One that is slow may not have got to see it.
      assert.ok(asked === 1 || (isSlow && asked === 0), String(asked));
    }
    await assertUnavailable(keysWith({ timeoutMs: SHORT_MS }, "http://192.0.2.1/keys"));
  });
});

type Answer = NonNullable<ScriptedIssuer["answer"]>;

/** `isSlow`: it takes as long as it is given. */
const badAnswers: readonly { readonly answer: Answer; readonly isSlow: boolean }[] = [
  { isSlow: false, answer: (_request, response) => response.writeHead(503).end() },
  { isSlow: false, answer: (_request, response) => response.destroy() },
  // Headers, then nothing any more.
  { isSlow: true, answer: (_request, response) => response.writeHead(200).write("{") },
  { isSlow: true, answer: () => undefined },
  { isSlow: false, answer: (_request, response) => response.end("x".repeat(1_000_000)) },
  { isSlow: false, answer: (_request, response) => response.writeHead(302, { Location: "/elsewhere" }).end() },
  {
    isSlow: false,
    answer: (_request, response) =>
      response.end(JSON.stringify({ issuer: "https://other.example", jwks_uri: "https://x.example" })),
  },
  { isSlow: false, answer: (_request, response) => response.end(JSON.stringify({ keys: "none" })) },
];
